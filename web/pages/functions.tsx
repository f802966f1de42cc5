import { useSignal } from "@preact/signals";
import { ask } from "../api.ts";
import { listFunctions } from "../functions.ts";
import { environments } from "../live.ts";
import { Card, Command, Empty, Problem, usePolled } from "../parts/bits.tsx";
import { functionPath } from "../route.ts";
import { bytes, ms, whole } from "../words.ts";

export interface Summary {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** What happened to one version since the platform started. */
export interface VersionSummary {
  readonly function: string;
  readonly version: string;
  readonly invocations: number;
  readonly errors: number;
  readonly starts: Readonly<Record<string, Readonly<Record<string, Summary>>>>;
}

export const loadStatistics = async (): Promise<readonly VersionSummary[]> =>
  (await ask<{ statistics: VersionSummary[] }>("/_thaw/statistics")).statistics;

/** All functions with what they did of late. */
export function FunctionsPage() {
  const functions = usePolled(listFunctions, 5000);
  const statistics = usePolled(loadStatistics, 2000);
  const wanted = useSignal("");
  const shown = (functions.value ?? []).filter(({ FunctionName }) =>
    FunctionName.toLowerCase().includes(wanted.value.toLowerCase()),
  );
  return (
    <>
      <div class="title">
        <div>
          <h1>Functions</h1>
          <p>What is deployed here, and how it did since the platform started.</p>
        </div>
        <input
          type="search"
          aria-label="Find a function"
          placeholder="Find a function"
          value={wanted.value}
          onInput={(event) => {
            wanted.value = event.currentTarget.value;
          }}
        />
      </div>
      <Card>
        <Problem text={functions.problem} />
        {functions.value?.length === 0 ? (
          <Empty title="No function yet">
            Deploy a folder with code, or use any tool that knows AWS: <code>thaw env</code> prints what it needs.
            <Command text="thaw deploy hello" />
            <Command text="aws lambda create-function --function-name hello --runtime nodejs24.x --handler index.handler --role arn:aws:iam::000000000000:role/any --zip-file fileb://hello.zip" />
          </Empty>
        ) : (
          <div class="scroll">
            <table>
              <thead>
                <tr>
                  <th>Name</th>
                  <th>Runtime</th>
                  <th class="number">Memory</th>
                  <th class="number">Code</th>
                  <th class="number">Calls</th>
                  <th class="number">Errors</th>
                  <th class="number">Warm call, median</th>
                  <th class="number">Cold call, median</th>
                  <th class="number">Environments</th>
                </tr>
              </thead>
              <tbody>
                {shown.map(({ FunctionName: name, Runtime, PackageType, MemorySize, CodeSize }) => {
                  const of = (statistics.value ?? []).filter((each) => each.function === name);
                  const sum = (field: "invocations" | "errors") => of.reduce((all, each) => all + each[field], 0);
                  return (
                    <tr key={name}>
                      <td class="wrap">
                        <a href={functionPath(name)}>{name}</a>
                      </td>
                      <td>{Runtime ?? PackageType}</td>
                      <td class="number">{MemorySize} MB</td>
                      <td class="number">{bytes(CodeSize)}</td>
                      <td class="number">{whole(sum("invocations"))}</td>
                      <td class="number">{whole(sum("errors"))}</td>
                      <td class="number">{typical(of, (kind) => kind === "warm")}</td>
                      <td class="number">{typical(of, (kind) => kind !== "warm")}</td>
                      <td class="number">{environments.value.filter((each) => each.function === name).length}</td>
                    </tr>
                  );
                })}
              </tbody>
            </table>
          </div>
        )}
      </Card>
    </>
  );
}

/** The median of the kind with the most calls. */
function typical(of: readonly VersionSummary[], wanted: (kind: string) => boolean): string {
  const found = of
    .flatMap(({ starts }) => Object.entries(starts))
    .flatMap(([kind, { total }]) => (wanted(kind) && total !== undefined ? [total] : []))
    .sort((one, other) => other.count - one.count);
  return found[0] === undefined ? "–" : ms(found[0].p50);
}
