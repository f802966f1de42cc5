import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ServiceModel, Shape } from "../../lambda-api/model.ts";

/**
 * The service's model with its members under the names that requests have (`apiId`, not `ApiId`), so that what is checked is what is
 * stored and answered; and with the lengths that its texts have in their names only.
 */
export function serviceModel(): ServiceModel {
  const file = join(import.meta.dirname, "generated/model.json");
  const { operations, shapes } = JSON.parse(readFileSync(file, "utf8")) as ServiceModel;
  const renamed = Object.entries(shapes).map(([name, shape]): [string, Shape] => [name, renamedShape(name, shape)]);
  return { operations, shapes: Object.fromEntries(renamed) };
}

function renamedShape(name: string, shape: Shape): Shape {
  const [, min, max] = /^(?:String|Uri)WithLengthBetween(\d+)And(\d+K?)$/.exec(name) ?? [];
  if (max !== undefined) return { ...shape, min: Number(min), max: max === "32K" ? 32_768 : Number(max) };
  if (shape.members === undefined) return shape;
  const nameOf = (member: string) => shape.members?.[member]?.locationName ?? member;
  return {
    ...shape,
    members: Object.fromEntries(Object.entries(shape.members).map(([member, of]) => [nameOf(member), of])),
    ...(shape.required === undefined ? {} : { required: shape.required.map(nameOf) }),
  };
}
