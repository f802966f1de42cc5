import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Buses } from "../../../buses/index.ts";
import type { Registry } from "../../../registry/index.ts";
import type { ServiceModel } from "../../lambda-api/model.ts";
import { createRestJson, type RestOperation } from "../rest-json.ts";
import type { AwsService } from "../service.ts";
import type { SchedulerContext, SchedulerOperation } from "./context.ts";
import {
  createScheduleGroup,
  deleteScheduleGroup,
  getScheduleGroup,
  listScheduleGroups,
  listTagsForResource,
  tagResource,
  untagResource,
} from "./groups.ts";
import { createSchedule, deleteSchedule, getSchedule, listSchedules, updateSchedule } from "./schedules.ts";

export interface SchedulerNeeds {
  readonly buses: Buses;
  readonly registry: Pick<Registry, "roles">;
  report(error: unknown): void;
}

const operations = {
  CreateSchedule: createSchedule,
  CreateScheduleGroup: createScheduleGroup,
  DeleteSchedule: deleteSchedule,
  DeleteScheduleGroup: deleteScheduleGroup,
  GetSchedule: getSchedule,
  GetScheduleGroup: getScheduleGroup,
  ListScheduleGroups: listScheduleGroups,
  ListSchedules: listSchedules,
  ListTagsForResource: listTagsForResource,
  TagResource: tagResource,
  UntagResource: untagResource,
  UpdateSchedule: updateSchedule,
};

/** An input of 256 KB, each of whose characters may be escaped. */
const requestBytes = 2 * 1024 * 1024;

/** Amazon EventBridge Scheduler. */
export function createScheduler({ buses, registry, report }: SchedulerNeeds): AwsService {
  const context: SchedulerContext = { buses, roles: registry.roles, clock: Date.now };
  const bound = Object.entries(operations).map(([name, operation]): [string, RestOperation] => [
    name,
    (call) => (operation as SchedulerOperation<never>)({ ...call, context }),
  ]);
  const model = JSON.parse(readFileSync(join(import.meta.dirname, "generated/model.json"), "utf8")) as ServiceModel;
  return { serve: createRestJson({ model, operations: Object.fromEntries(bound), requestBytes, report }) };
}
