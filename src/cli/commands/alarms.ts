import { definitionsOf, namesOf, prefix } from "../alarms/definitions.ts";
import { ask, askJson, ServiceFailure } from "../client.ts";
import { CommandFailure, usageFailure } from "../failure.ts";
import { createLambda } from "../lambda.ts";
import { note, print, printJson, styled, table } from "../output.ts";
import { askService } from "../services.ts";
import { type CommonOptions, type Connection, connection } from "../settings.ts";

interface AlarmsOptions extends CommonOptions {
  readonly topic?: string;
  readonly function?: string;
}

/** A metric alarm as DescribeAlarms shows it: what is looked at here. */
interface Alarm {
  readonly AlarmName: string;
  readonly AlarmDescription?: string;
  readonly StateValue: string;
  readonly StateReason?: string;
  readonly AlarmActions?: readonly string[];
}

const statementId = "thaw-alarms";

/** `install`, `list` or `remove` the three alarms of all functions together, or of each that is named. */
export async function alarms(action: string, names: readonly string[], options: AlarmsOptions): Promise<void> {
  if (options.topic !== undefined && options.function !== undefined) {
    throw usageFailure("--topic and --function are given both; one of them is told.");
  }
  if (action !== "install" && (options.topic ?? options.function) !== undefined) {
    throw usageFailure(`--topic and --function belong to install, not to ${action}.`);
  }
  const at = connection(options);
  if (action === "install") await install(at, names, options);
  else if (action === "remove") await remove(at, names, options);
  else await list(at, names, options);
}

async function install(at: Connection, names: readonly string[], options: AlarmsOptions): Promise<void> {
  const lambda = createLambda(at);
  for (const name of names) {
    if ((await lambda.getConfiguration(name)) === undefined) throw noFunction(name);
  }
  const actions = await actionsOf(at, options);
  const definitions = scopesOf(names).flatMap((name) => definitionsOf(name, actions));
  for (const definition of definitions) await askService(at, "monitoring", "PutMetricAlarm", definition);
  if (options.json) {
    printJson({ alarms: definitions });
    return;
  }
  for (const { AlarmName, AlarmDescription } of definitions) print(`${AlarmName}  ${styled("dim", AlarmDescription)}`);
  if (actions.length === 0) note("Nobody is told: name a topic (--topic ARN) or a function (--function NAME).");
}

/** Whom the alarms tell. A function is made to allow them to run it. */
async function actionsOf(at: Connection, options: AlarmsOptions): Promise<string[]> {
  if (options.topic !== undefined) {
    if (!/^arn:[^:]+:sns:[^:]*:\d{12}:.+/.test(options.topic)) {
      throw usageFailure(`--topic is ${JSON.stringify(options.topic)}; it must be the ARN of an SNS topic.`);
    }
    return [options.topic];
  }
  if (options.function === undefined) return [];
  const told = await createLambda(at).getConfiguration(options.function);
  if (told === undefined) throw noFunction(options.function);
  const [, partition, , region, account] = told.FunctionArn.split(":");
  const statement = {
    StatementId: statementId,
    Action: "lambda:InvokeFunction",
    Principal: "lambda.alarms.cloudwatch.amazonaws.com",
    SourceArn: `arn:${partition}:cloudwatch:${region}:${account}:alarm:${prefix}*`,
    SourceAccount: account,
  };
  try {
    await askJson(at, "POST", policyPath(told.FunctionName), statement);
  } catch (error) {
    if (!(error instanceof ServiceFailure && error.code === "ResourceConflictException")) throw error;
  }
  return [told.FunctionArn];
}

async function remove(at: Connection, names: readonly string[], options: AlarmsOptions): Promise<void> {
  const all = await installed(at);
  const going = chosen(all, names);
  const AlarmNames = going.map(({ AlarmName }) => AlarmName);
  if (AlarmNames.length > 0) await askService(at, "monitoring", "DeleteAlarms", { AlarmNames });
  const stay = new Set(all.filter((one) => !going.includes(one)).flatMap(({ AlarmActions = [] }) => AlarmActions));
  const told = new Set(going.flatMap(({ AlarmActions = [] }) => AlarmActions));
  for (const arn of told) if (arn.includes(":lambda:") && !stay.has(arn)) await disallow(at, arn);
  if (options.json) printJson({ removed: AlarmNames });
  else if (AlarmNames.length === 0) note("There are no such alarms.");
  else for (const name of AlarmNames) print(`${name} removed`);
}

/** The statement may be gone, and so may the function. */
async function disallow(at: Connection, arn: string): Promise<void> {
  const name = arn.split(":")[6] ?? "";
  try {
    await ask(at, { method: "DELETE", path: `${policyPath(name)}/${statementId}` });
  } catch (error) {
    if (!(error instanceof ServiceFailure && error.code === "ResourceNotFoundException")) throw error;
  }
}

async function list(at: Connection, names: readonly string[], options: AlarmsOptions): Promise<void> {
  const found = chosen(await installed(at), names);
  if (options.json) {
    printJson({ alarms: found });
    return;
  }
  if (found.length === 0) {
    note("No alarms yet. Next: thaw alarms install --function NAME");
    return;
  }
  const rows = found.map((one) => [one.AlarmName, one.StateValue, one.StateReason ?? ""]);
  for (const line of table(["ALARM", "STATE", "WHY"], rows)) print(line);
}

/** All that this command has made. */
async function installed(at: Connection): Promise<Alarm[]> {
  const found: Alarm[] = [];
  let NextToken: string | undefined;
  do {
    const page = await askService<{ MetricAlarms?: Alarm[]; NextToken?: string }>(at, "monitoring", "DescribeAlarms", {
      AlarmNamePrefix: prefix,
      NextToken,
    });
    found.push(...(page.MetricAlarms ?? []));
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  return found.filter(({ AlarmName }) => namesOf(undefined).some((own) => `${AlarmName}-`.startsWith(`${own}-`)));
}

/** Without names: all of them. */
function chosen(all: readonly Alarm[], names: readonly string[]): Alarm[] {
  const wanted = new Set(names.flatMap(namesOf));
  return all.filter(({ AlarmName }) => names.length === 0 || wanted.has(AlarmName));
}

const scopesOf = (names: readonly string[]): readonly (string | undefined)[] =>
  names.length === 0 ? [undefined] : names;
const policyPath = (name: string): string => `/2015-03-31/functions/${encodeURIComponent(name)}/policy`;

const noFunction = (name: string): CommandFailure =>
  new CommandFailure(`There is no function ${name}.`, {
    code: "ResourceNotFoundException",
    next: "see what exists with `thaw list`",
  });
