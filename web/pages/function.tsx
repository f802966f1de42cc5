import { ask, type Mapping, platform } from "../api.ts";
import { type FunctionConfiguration, functionUrl } from "../functions.ts";
import { environments, starts } from "../live.ts";
import { Card, Command, Copy, Empty, Figure, KindTag, Problem, usePolled } from "../parts/bits.tsx";
import { Code } from "../parts/code.tsx";
import { Invoke } from "../parts/invoke.tsx";
import { Log } from "../parts/log.tsx";
import { Panels, panelsOf, RangeChoice } from "../parts/panels.tsx";
import { Waterfall } from "../parts/waterfall.tsx";
import { functionPath } from "../route.ts";
import { loadVersions } from "../versions.ts";
import { bytes, clockTime, ms, startMs, wasAhead, whole } from "../words.ts";
import { loadProvisioned, type Provisioned, ProvisionedList } from "./concurrency.tsx";
import { loadStatistics } from "./functions.tsx";
import { ImageState } from "./images.tsx";
import { nameOf } from "./sources.tsx";

interface Detail {
  readonly configuration: FunctionConfiguration;
  readonly reserved: number | undefined;
  readonly versions: readonly FunctionConfiguration[];
  readonly aliases: readonly { readonly Name: string; readonly FunctionVersion: string }[];
  readonly provisioned: readonly Provisioned[];
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
    loadProvisioned(name),
  ]);
  return {
    configuration: whole.Configuration,
    reserved: whole.Concurrency?.ReservedConcurrentExecutions,
    versions: versions.Versions,
    aliases: aliases.Aliases,
    provisioned,
  };
}

const tabs = [
  { tab: "", name: "Overview" },
  { tab: "metrics", name: "Metrics" },
  { tab: "code", name: "Code" },
  { tab: "settings", name: "Settings" },
] as const;

export function FunctionPage({ name, tab }: { name: string; tab: string }) {
  const detail = usePolled(() => load(name), 5000, [name]);
  const configuration = detail.value?.configuration;
  if (detail.problem !== undefined && detail.value === undefined) return <Missing name={name} why={detail.problem} />;
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
        {tab === "metrics" ? (
          <RangeChoice />
        ) : (
          configuration && <Copy text={cliOf(configuration)} label="Copy as aws CLI" />
        )}
      </div>
      <nav class="tabs" aria-label="Parts of this function">
        {tabs.map((each) => (
          <a
            key={each.tab}
            href={functionPath(name) + (each.tab === "" ? "" : `/${each.tab}`)}
            {...(each.tab === tab ? { "aria-current": "page" } : {})}
          >
            {each.name}
          </a>
        ))}
      </nav>
      <Problem text={detail.problem} />
      {tab === "" && <Overview name={name} />}
      {tab === "metrics" && (
        <Card>
          <Panels of={panelsOf(name)} on={[name]} />
        </Card>
      )}
      {tab === "code" && configuration && (
        <Code
          name={name}
          handler={configuration.Handler}
          size={configuration.CodeSize}
          packageType={configuration.PackageType}
          sha256={configuration.CodeSha256}
        />
      )}
      {tab === "settings" && detail.value && <Settings name={name} of={detail.value} />}
    </>
  );
}

function Missing({ name, why }: { name: string; why: string }) {
  return (
    <>
      <div class="title">
        <h1 class="wrap">{name}</h1>
      </div>
      <Card>
        <Problem text={why} />
        <Empty title="Nothing can be shown">
          Look at <a href="#/functions">all functions</a>, or deploy this one.
          <Command text={`thaw deploy FOLDER --name ${name}`} />
        </Empty>
      </Card>
    </>
  );
}

function Overview({ name }: { name: string }) {
  const statistics = usePolled(loadStatistics, 2000, [name]);
  const of = (statistics.value ?? []).filter((each) => each.function === name);
  const calls = of.reduce((sum, each) => sum + each.invocations, 0);
  const errors = of.reduce((sum, each) => sum + each.errors, 0);
  const warm = of.map((each) => each.starts.warm?.total).find((each) => each !== undefined);
  const latest = starts.value.find((each) => each.function === name);
  return (
    <>
      <Card>
        <dl class="figures">
          <Figure name="Calls" value={whole(calls)} hint="since the platform started" />
          <Figure
            name="Errors"
            value={whole(errors)}
            hint={calls === 0 ? "" : `${((100 * errors) / calls).toFixed(errors === 0 ? 0 : 2)} %`}
          />
          <Figure
            name="Warm, median"
            value={warm === undefined ? "–" : ms(warm.p50)}
            hint={warm === undefined ? "" : `p99 ${ms(warm.p99)}`}
          />
          <Figure
            name="Latest start"
            value={latest === undefined ? "–" : wasAhead(latest) ? "ready" : ms(startMs(latest))}
            hint={latest === undefined ? "" : `at ${clockTime(latest.at)}`}
          />
          <Figure
            name="Environments"
            value={whole(environments.value.filter((each) => each.function === name).length)}
            hint={`${whole(environments.value.filter((each) => each.function === name && each.state === "busy").length)} busy`}
          />
        </dl>
      </Card>
      <div class="columns">
        <Card title="Invoke">
          <Invoke name={name} />
        </Card>
        <Card title="Latest start" aside={latest && <KindTag kind={latest.timing.start} />}>
          {latest ? (
            <Waterfall of={latest} />
          ) : (
            <Empty title="It has not started of late">Invoke it, and where its milliseconds went is shown here.</Empty>
          )}
        </Card>
      </div>
      <Card title="Log">
        <Log name={name} />
      </Card>
    </>
  );
}

function Settings({ name, of }: { name: string; of: Detail }) {
  const views = usePolled(loadVersions, 4000);
  return (
    <div class="columns">
      <div class="stack">
        <Configuration of={of.configuration} reserved={of.reserved} />
      </div>
      <div class="stack">
        <Card title="Versions and aliases">
          <div class="scroll">
            <table>
              <tbody>
                {of.versions.map(({ Version, LastModified, CodeSha256 }) => {
                  const view = views.value?.find((each) => each.function === name && each.version === Version);
                  const names = of.aliases.filter((each) => each.FunctionVersion === Version);
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
          {of.provisioned.length === 0 ? (
            <Empty title="None">
              Keep environments ready for an alias or a version.
              <Command
                text={`aws lambda put-provisioned-concurrency-config --function-name ${name} --qualifier VERSION --provisioned-concurrent-executions 2`}
              />
            </Empty>
          ) : (
            <ProvisionedList of={of.provisioned} />
          )}
        </Card>
        <Sources name={name} />
      </div>
    </div>
  );
}

/** What is read for this function. */
function Sources({ name }: { name: string }) {
  const sources = usePolled(() => ask<{ sources: readonly Mapping[] }>("/_thaw/info"), 4000, [name]);
  const own = (sources.value?.sources ?? []).filter(({ functionName }) => nameOf(functionName) === name);
  return own.length === 0 ? null : (
    <Card title="Event sources" aside={<a href="#/sources">All</a>}>
      <ul class="plain">
        {own.map((each) => (
          <li key={each.uuid}>
            {each.source} <small class="soft">{each.state}</small>
            {each.problem && <p class="problem">{each.problem}</p>}
          </li>
        ))}
      </ul>
    </Card>
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
