import { Argument, Command, Option } from "commander";

/** Options as commander hands them over; every command types its own. */
type Options = Record<string, unknown>;

const repeatable = (value: string, before: string[] | undefined): string[] => [...(before ?? []), value];

/**
 * The command line. Only commander is loaded here: each command's file is imported when it is chosen, so that `thaw help`
 * starts about as fast as Node.js itself.
 */
export function createProgram(version: string): Command {
  const program = new Command("thaw")
    .description("AWS Lambda that you own: real functions through Lambda's own API, each in its own sandbox.")
    .version(version, "--version", "print the version")
    .option("--json", "print one JSON document instead of text")
    .option("--endpoint <url>", "where Thaw listens (default: $AWS_ENDPOINT_URL, else http://127.0.0.1:4566)")
    .option("--region <name>", "AWS region (default: $AWS_REGION, else us-east-1)")
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .addHelpText("after", "\nExit codes: 0 ok, 1 error, 2 wrong command line, 3 the function returned an error.")
    .showSuggestionAfterError()
    .exitOverride();

  const all = (command: Command): Options => command.optsWithGlobals() as Options;

  program
    .command("up")
    .description("run the platform in the foreground until Ctrl-C")
    .option("--port <number>", "TCP port, 0 for any free one (default: 4566)")
    .option("--host <address>", "address to listen on (default: 127.0.0.1)")
    .option("--data <dir>", "where functions, code and logs are kept")
    .addOption(new Option("--driver <name>", "how functions are isolated").choices(["auto", "container", "process"]))
    .addOption(new Option("--egress <mode>", "whether functions reach the network").choices(["none", "all"]))
    .addOption(
      new Option("--auth <mode>", "check signatures of requests, and permissions").choices([
        "off",
        "known-keys",
        "iam",
      ]),
    )
    .option("--tls", "speak TLS and HTTP/2 on the port, too, with a certificate of its own (DATA/tls/cert.pem)")
    .option("--tls-cert <file>", "… with this certificate (PEM)")
    .option("--tls-key <file>", "… and its key")
    .option("--upstream <url>", "where requests for services go that are not here (default: they are refused)")
    .option("--with <services>", "start servers for these, too, from published packages: kinesis,dynamodb")
    .option("--rootfs <dir>", "root directory of every sandbox (default: made from this machine's)")
    .action(async (_options, command) => (await import("./commands/up.ts")).up(all(command)));

  program
    .command("deploy")
    .description("create or update functions from a folder, an image, or a SAM or CloudFormation template")
    .argument("<dir|template|image>", "a folder with code, a .yaml, .yml or .json template, or with --image an image")
    .option("--name <name>", "function name; of a template: its stack's name (default: the folder's)")
    .option("--runtime <name>", "Lambda runtime (default: found from the code)")
    .option("--handler <file.export>", "handler (default: found from the code)")
    .option("--memory <mb>", "memory in MB, 128 to 10240")
    .option("--timeout <seconds>", "timeout in seconds, 1 to 900")
    .option("--env <KEY=VALUE>", "environment variable; may be repeated", repeatable)
    .option("--layer <arn>", "layer version ARN; may be repeated", repeatable)
    .option("--publish", "publish a version afterwards")
    .option("--image", "a file of docker save (- for standard input) or an OCI layout, pushed; or an image's address")
    .option("--parameter <KEY=VALUE>", "template parameter; may be repeated", repeatable)
    .action(async (target, _options, command) => (await import("./commands/deploy.ts")).deploy(target, all(command)));

  program
    .command("invoke")
    .description("run a function once and print what it returned")
    .argument("<name>", "function name or ARN")
    .option("--payload <json|@file|->", "the event: JSON, @FILE, or - for standard input (default: {})")
    .option("-e, --event <file>", "the event, from a file with JSON")
    .option("--qualifier <name>", "version or alias")
    .option("--client-context <json>", "client context")
    .option("--timing", "show where each millisecond went")
    .option("--tail", "show the end of the log")
    .action(async (name, _options, command) => (await import("./commands/invoke.ts")).invoke(name, all(command)));

  program
    .command("dev")
    .description("run a project as you write it: what you save is live, calls and logs are shown as they come")
    .argument("[folder]", "with code, template.yaml, serverless.yml or cdk.out (default: this one)")
    .option("--env <KEY=VALUE>", "environment variable, beside those of .env; may be repeated", repeatable)
    .option("--stage <name>", "stage of serverless.yml (default: dev)")
    .option("--inspect [port]", "debuggers attach here, each function to a port of its own (default: 9229 and up)")
    .option("--once", "deploy, print what there is, and end")
    .action(async (folder, _options, command) => (await import("./commands/dev.ts")).dev(folder, all(command)));

  program
    .command("logs")
    .description(
      "print a function's log; or ask several by a query of CloudWatch Logs Insights: thaw logs query 'filter …'",
    )
    .argument("<name>", "function name, or query")
    .argument("[query]", "a query: thaw logs query 'filter @type = \"REPORT\" | stats max(@duration)'")
    .option("--follow", "go on as lines arrive")
    .option("--since <span>", "only what is younger: 30s, 10m, 2h, 1d")
    .option("--limit <number>", "at most that many lines of the past, or rows of a query")
    .option("--function <name>", "of a query: a function; may be repeated (default: all)", repeatable)
    .option("--group <name>", "of a query: a log group; may be repeated", repeatable)
    .action(async (name, query, _options, command) => {
      if (query === undefined) await (await import("./commands/logs.ts")).logs(name, all(command));
      else if (name === "query") await (await import("./commands/logs-query.ts")).logsQuery(query, all(command));
      else command.error(`error: too many arguments for 'logs'. Was ${JSON.stringify(name)} to be query?`);
    });

  program
    .command("alarms")
    .description("three alarms, of all functions or of some: a cold start over 500 ms, more than 1 % errors, a timeout")
    .addArgument(new Argument("<action>", "what to do with them").choices(["install", "list", "remove"]))
    .argument("[functions...]", "function names (default: all functions together)")
    .option("--topic <arn>", "install: an SNS topic that is told")
    .option("--function <name>", "install: a function that is run; it is made to allow that")
    .action(async (action, names, _options, command) =>
      (await import("./commands/alarms.ts")).alarms(action, names, all(command)),
    );

  program
    .command("list")
    .description("list functions")
    .action(async (_options, command) => (await import("./commands/list.ts")).list(all(command)));

  program
    .command("delete")
    .description("delete a function, or one version of it")
    .argument("<name>", "function name")
    .option("--qualifier <version>", "delete this version only")
    .action(async (name, _options, command) => (await import("./commands/delete.ts")).remove(name, all(command)));

  program
    .command("ps")
    .description("list the running execution environments")
    .action(async (_options, command) => (await import("./commands/ps.ts")).ps(all(command)));

  program
    .command("doctor")
    .description("say what this machine can do, which isolation is used and why, and what to fix")
    .action(async (_options, command) => (await import("./commands/doctor.ts")).doctor(all(command)));

  program
    .command("env")
    .description('print variables that point AWS clients here: eval "$(thaw env)"')
    .addOption(new Option("--shell <name>", "syntax").choices(["sh", "bash", "zsh", "fish", "powershell"]))
    .option("--force", "replace credentials that are already set")
    .action(async (_options, command) => (await import("./commands/env.ts")).env(all(command)));

  program
    .command("simulate")
    .description(
      "what the scheduler would do with a burst, or with a record of calls under several policies; runs nothing",
    )
    .argument(
      "[record]",
      "CSV (time,function[,duration,memory,init]), platform.report lines, or Azure's trace (default: made up)",
    )
    .option("--burst <counts>", "so many calls at once, such as 100,1000,10000,100000")
    .option("--policy <name>", "none, fixed:TIME, thaw or thaw:TIME; may be repeated", repeatable)
    .option("--functions <number>", "of made-up traffic (default: 100)")
    .option("--days <number>", "of made-up traffic (default: 2)")
    .option("--seed <number>", "of made-up traffic: the same gives the same (default: 1)")
    .option("--concurrency <number>", "the account's concurrent executions (default: 1000)")
    .option("--rate <number>", "environments a function may get in ten seconds; AWS: 1000 (default: no limit)")
    .option("--reserved <number>", "reserved concurrency of each function")
    .option("--provisioned <number>", "provisioned concurrency of each function")
    .option("--cpus <number>", "of one machine: so many starts go on at once (default: no limit, as at AWS)")
    .option("--budget <mb>", "memory for environments in MB (default: no limit)")
    .option("--memory <mb>", "memory of a function that the record does not tell it of (default: 128)")
    .option("--start <span>", "how long a cold start takes where the record does not tell (default: 100ms)")
    .option("--run <span>", "how long an event takes, likewise (default: 300ms, in a burst 1s)")
    .option("--retry <span>", "who is turned away comes again after this (default: not at all; in a burst 100ms)")
    .action(async (record, _options, command) =>
      (await import("./commands/simulate.ts")).simulate(record, all(command)),
    );

  program
    .command("bench")
    .description("measure a function: cold starts, warm calls, a burst; compare two versions")
    .argument("<name>", "function name or ARN")
    .option("--payload <json|@file|->", "the event: JSON, @FILE, or - for standard input (default: {})")
    .option("--qualifier <name>", "version or alias")
    .option("--against <name>", "another version, alias or function, measured in turns with this one")
    .option("--cold <number>", "forced cold starts, on a copy of the function (default: 10)")
    .option("--warm <number>", "warm calls (default: 100)")
    .option("--concurrency <number>", "callers of the warm calls (default: 10)")
    .option("--burst <number>", "calls at once, on a copy without environments (default: 10)")
    .option("--rate <number>", "calls a second whatever comes back; times count from when a call was due")
    .option("--for <span>", "how long at that rate (default: 10s)")
    .option("--memory <sizes>", "the same with each of these amounts of memory: 128,512,1024 or all")
    .option("--html <file>", "write a report, too")
    .action(async (name, _options, command) => (await import("./commands/bench.ts")).bench(name, all(command)));

  program
    .command("tune")
    .description("find a function's memory size, provisioned concurrency and keep-alive, by measuring and by its past")
    .argument("<name>", "function name or ARN")
    .option("--payload <json|@file|->", "the event: JSON, @FILE, or - for standard input (default: {})")
    .option("--qualifier <name>", "version or alias")
    .option("--memory <sizes>", "sizes to try: 128,512,1024 (default: all, 128 to 3008)")
    .option("--runs <number>", "warm calls of each size (default: 20)")
    .option("--weight <share>", "of cost in the best balance, 0 to 1 (default: 0.5)")
    .option("--prices <name|file>", "aws, hold-only, or a file of the same form (default: aws)")
    .option("--since <span>", "how much of its past counts (default: 7d)")
    .action(async (name, _options, command) => (await import("./commands/tune.ts")).tune(name, all(command)));

  program
    .command("advise")
    .description("say what a function's cold starts could do without, and what each costs, measured in its sandbox")
    .argument("<name|folder>", "function name or ARN, or a folder with code")
    .option("--payload <json|@file|->", "the event of the before and after run (default: {})")
    .option("--qualifier <name>", "version or alias")
    .option("--runtime <name>", "of a folder: Lambda runtime (default: found from the code)")
    .option("--handler <file.export>", "of a folder: handler (default: found from the code)")
    .option("--runs <number>", "cold starts for each measurement (default: 5)")
    .option("--fix", "write a bundled and pruned package, if a before and after run proves it better")
    .option("--out <folder>", "where to (default: NAME-advised)")
    .action(async (name, _options, command) => (await import("./commands/advise.ts")).advise(name, all(command)));

  program
    .command("completion")
    .description("print a completion script for your shell")
    .argument("<shell>", "bash, zsh or fish")
    .action(async (shell) => (await import("./commands/completion.ts")).completion(shell, program));

  program
    .command("function-names", { hidden: true })
    .description("function names, one a line, for completion; silent when nothing listens")
    .action(async (_options, command) => (await import("./commands/list.ts")).functionNames(all(command)));

  return program;
}
