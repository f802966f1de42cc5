import { ask, platform } from "../api.ts";
import { type FunctionConfiguration, functionUrl } from "../functions.ts";
import { environments, starts } from "../live.ts";
import { Card, Command, Copy, Empty, Figure, KindTag, Problem, usePolled } from "../parts/bits.tsx";
import { Invoke } from "../parts/invoke.tsx";
import { Log } from "../parts/log.tsx";
import { Waterfall } from "../parts/waterfall.tsx";
import { loadVersions } from "../versions.ts";
import { bytes, clockTime, ms, startMs, whole } from "../words.ts";
import { loadStatistics } from "./functions.tsx";
import { ImageState } from "./images.tsx";

interface Detail {
  readonly configuration: FunctionConfiguration;
  readonly reserved: number | undefined;
  readonly versions: readonly FunctionConfiguration[];
  readonly aliases: readonly { readonly Name: string; readonly FunctionVersion: string }[];
  readonly provisioned: readonly {
    readonly FunctionArn: string;
    readonly Status: string;
    readonly RequestedProvisionedConcurrentExecutions: number;
    readonly AvailableProvisionedConcurrentExecutions?: number;
  }[];
}

async function load(name: string): Promise<Detail> {
  const url = functionUrl(name);
  const [whole, versions, aliases, provisioned] = await Promise.all([
    ask<{
      Configuration: FunctionConfiguration;
      Concurrency?: { ReservedConcurrentExecutions?: number };
    }>(url),
    ask<{ Versions: FunctionConfiguration[] }>(`${url}/versions`),
    ask<{ Aliases: Detail["aliases"] }>(`${url}/aliases`),
    ask<{ ProvisionedConcurrencyConfigs: Detail["provisioned"] }>(
      `/2019-09-30/functions/${encodeURIComponent(name)}/provisioned-concurrency?List=ALL`,
    ),
  ]);
  return {
    configuration: whole.Configuration,
    reserved: whole.Concurrency?.ReservedConcurrentExecutions,
    versions: versions.Versions,
    aliases: aliases.Aliases,
    provisioned: provisioned.ProvisionedConcurrencyConfigs,
  };
}

export function FunctionPage({ name }: { name: string }) {
  const detail = usePolled(() => load(name), 5000, [name]);
  const statistics = usePolled(loadStatistics, 2000);
  const views = usePolled(loadVersions, 4000);
  const of = (statistics.value ?? []).filter((each) => each.function === name);
  const calls = of.reduce((sum, each) => sum + each.invocations, 0);
  const errors = of.reduce((sum, each) => sum + each.errors, 0);
  const warm = of.map((each) => each.starts.warm?.total).find((each) => each !== undefined);
  const latest = starts.value.find((each) => each.function === name);
  const configuration = detail.value?.configuration;
  return (
    <>
      <div class="title">
        <div>
          <p>
            <a href="#/functions">Functions</a>
          </p>
          <h1 class="wrap">{name}</h1>
          {configuration?.Description && <p>{configuration.Description}</p>}
        </div>
        {configuration && <Copy text={cliOf(configuration)} label="Copy as aws CLI" />}
      </div>
      <Problem text={detail.problem} />
      <Card>
        <dl class="figures">
          <Figure name="Calls" value={whole(calls)} hint="since the platform started" />
          <Figure name="Errors" value={whole(errors)} />
          <Figure
            name="Warm, median"
            value={warm === undefined ? "–" : ms(warm.p50)}
            hint={warm === undefined ? "" : `p99 ${ms(warm.p99)}`}
          />
          <Figure name="Latest start" value={latest === undefined ? "–" : ms(startMs(latest))} />
          <Figure
            name="Environments"
            value={whole(environments.value.filter((each) => each.function === name).length)}
          />
        </dl>
      </Card>
      <div class="columns">
        <div class="stack">
          <Card title="Invoke">
            <Invoke name={name} />
          </Card>
          <Card title="Log">
            <Log name={name} />
          </Card>
        </div>
        <div class="stack">
          <Card title="Latest start" aside={latest && <KindTag kind={latest.timing.start} />}>
            {latest ? (
              <>
                <Waterfall of={latest} />
                <p class="soft">at {clockTime(latest.at)}</p>
              </>
            ) : (
              <Empty title="It has not started of late">
                Invoke it, and where its milliseconds went is shown here.
              </Empty>
            )}
          </Card>
          {configuration && <Configuration of={configuration} reserved={detail.value?.reserved} />}
          <Card title="Versions and aliases">
            <div class="scroll">
              <table>
                <tbody>
                  {(detail.value?.versions ?? []).map(({ Version, LastModified, CodeSha256 }) => {
                    const view = views.value?.find((each) => each.function === name && each.version === Version);
                    const names = (detail.value?.aliases ?? []).filter((each) => each.FunctionVersion === Version);
                    return (
                      <tr key={Version}>
                        <td>
                          {Version}
                          {names.map(({ Name }) => (
                            <small key={Name} class="soft">
                              {" "}
                              ← {Name}
                            </small>
                          ))}
                        </td>
                        <td class="soft" title={CodeSha256}>
                          {LastModified.slice(0, 16).replace("T", " ")}
                        </td>
                        <td class="wrap">{view ? <ImageState of={view.image} /> : "–"}</td>
                      </tr>
                    );
                  })}
                </tbody>
              </table>
            </div>
          </Card>
          <Card title="Provisioned concurrency">
            {detail.value?.provisioned.length === 0 ? (
              <Empty title="None">
                Keep environments ready for an alias or a version.
                <Command
                  text={`aws lambda put-provisioned-concurrency-config --function-name ${name} --qualifier VERSION --provisioned-concurrent-executions 2`}
                />
              </Empty>
            ) : (
              <table>
                <tbody>
                  {(detail.value?.provisioned ?? []).map((each) => (
                    <tr key={each.FunctionArn}>
                      <td>{each.FunctionArn.split(":").at(-1)}</td>
                      <td>{each.Status}</td>
                      <td class="number">
                        {each.AvailableProvisionedConcurrentExecutions ?? 0} of{" "}
                        {each.RequestedProvisionedConcurrentExecutions}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            )}
          </Card>
        </div>
      </div>
    </>
  );
}

function Configuration({ of, reserved }: { of: FunctionConfiguration; reserved: number | undefined }) {
  const variables = Object.keys(of.Environment?.Variables ?? {});
  const facts: readonly (readonly [string, string | undefined])[] = [
    ["Runtime", of.Runtime ?? of.PackageType],
    ["Handler", of.Handler],
    ["State", of.StateReason ? `${of.State}: ${of.StateReason}` : of.State],
    ["Memory", `${of.MemorySize} MB`],
    ["Timeout", `${of.Timeout} s`],
    ["Architecture", of.Architectures?.join(", ")],
    ["Code", `${bytes(of.CodeSize)}, ${of.CodeSha256}`],
    ["Layers", of.Layers?.map(({ Arn }) => Arn.split(":").slice(-2).join(":")).join(", ")],
    ["Reserved concurrency", reserved === undefined ? "none" : String(reserved)],
    ["SnapStart", of.SnapStart?.ApplyOn],
    ["Dead letters to", of.DeadLetterConfig?.TargetArn],
    ["Variables", variables.length === 0 ? undefined : variables.join(", ")],
    ["ARN", of.FunctionArn],
  ];
  return (
    <Card title="Configuration">
      <dl class="facts">
        {facts.map(([name, value]) =>
          value ? (
            <>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </>
          ) : null,
        )}
      </dl>
    </Card>
  );
}

/** A line for a shell that shows the same. */
const cliOf = ({ FunctionName }: FunctionConfiguration): string =>
  `aws lambda get-function --endpoint-url ${platform.value?.endpoint ?? location.origin} --function-name ${FunctionName}`;
