// Runs files of tests, each in a process of its own, a few at a time. Node's own runner waits for a file's process to end, which one
// whose failed test has left a server open never does; here a file that has been silent for too long is ended and named.
import { type ChildProcess, spawn } from "node:child_process";

export interface Lanes {
  /** How many files run at a time. */
  readonly width: number;
  /** A file that prints nothing for this long hangs, ms. Every test that ends prints a line. */
  readonly silence: number;
  /** No file may take longer than this, ms, whatever it prints. */
  readonly longest: number;
  /** Flags for each file's process. */
  readonly flags: readonly string[];
  readonly cwd: string;
  /** Gets whole lines, a file's output in one piece. */
  readonly print: (text: string) => void;
}

export interface Sum {
  readonly tests: number;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Files of which something failed, in the order in which they ended. */
  readonly failedFiles: string[];
}

interface Ended {
  readonly output: string;
  readonly seconds: number;
  /** Why the file has not passed; undefined where it has. */
  readonly why: string | undefined;
}

const running = new Set<ChildProcess>();

/** Ends whatever runs, with all that it has started. For a signal: the files are in process groups of their own, where none arrives. */
export function endAll(): void {
  for (const child of running) killGroup(child);
}

/** Runs `files`; never rejects because of a test. */
export async function runFiles(files: readonly string[], lanes: Lanes): Promise<Sum> {
  const waiting = [...files];
  const failures: { file: string; text: string }[] = [];
  const sum = { tests: 0, passed: 0, failed: 0, skipped: 0 };

  async function lane(): Promise<void> {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const ended = await runFile(file, lanes);
      const { shown, failing, counts } = read(ended.output);
      sum.tests += counts.tests;
      sum.passed += counts.pass;
      sum.failed += counts.fail + counts.cancelled;
      sum.skipped += counts.skipped;
      lanes.print(
        `${file} (${ended.seconds.toFixed(1)} s)\n${shown}${ended.why === undefined ? "" : `test: ${ended.why}\n`}`,
      );
      if (ended.why !== undefined) failures.push({ file, text: `${failing}test: ${ended.why}\n` });
    }
  }

  await Promise.all(Array.from({ length: lanes.width }, lane));
  for (const { file, text } of failures) lanes.print(`\nin ${file}:\n${text}`);
  return { ...sum, failedFiles: failures.map((failure) => failure.file) };
}

function runFile(file: string, lanes: Lanes): Promise<Ended> {
  // a file must not believe that it reports to somebody else's runner
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const began = performance.now();
  const child = spawn(process.execPath, [...lanes.flags, "--test-reporter=spec", file], {
    cwd: lanes.cwd,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  running.add(child);
  return new Promise((resolve) => {
    let output = "";
    let hung: string | undefined;

    function hang(what: string): void {
      hung ??= `${file} hangs: ${what}; its last output was:\n${lastLines(output)}`;
      killGroup(child);
    }

    const longest = setTimeout(() => hang(`it has not ended within ${lanes.longest / 1e3} s`), lanes.longest);
    const silence = setTimeout(() => hang(`it has printed nothing for ${lanes.silence / 1e3} s`), lanes.silence);
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        silence.refresh();
      });
    }
    let status: string | undefined;
    child.on("error", (error) => finish(error.message));
    child.on("exit", (code, signal) => {
      status = code === 0 ? undefined : `${file} ended with ${signal ?? `exit status ${code}`}`;
      // what it has left behind would hold its output open
      killGroup(child);
    });
    child.on("close", () => finish(status));

    function finish(why: string | undefined): void {
      clearTimeout(longest);
      clearTimeout(silence);
      running.delete(child);
      resolve({ output, seconds: (performance.now() - began) / 1e3, why: hung ?? why });
    }
  });
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // nobody is left of it
  }
}

function lastLines(output: string): string {
  return output.trimEnd().split("\n").slice(-12).join("\n");
}

/** Takes the report of Node's "spec" reporter apart: what it shows of tests, its repetition of what failed, its counts. */
function read(output: string) {
  const counts = { tests: 0, pass: 0, fail: 0, cancelled: 0, skipped: 0 };
  const kept = output.split("\n").filter((line) => {
    const [, name, count] = /^ℹ (\w+) ([\d.]+)$/.exec(line) ?? [];
    if (name !== undefined && name in counts) counts[name as keyof typeof counts] += Number(count);
    return name === undefined;
  });
  const text = kept.join("\n");
  const repeated = text.indexOf("✖ failing tests:");
  const shown = (repeated < 0 ? text : text.slice(0, repeated)).trim();
  return { shown: shown === "" ? "" : `${shown}\n`, failing: repeated < 0 ? "" : text.slice(repeated), counts };
}
