import assert from "node:assert/strict";
import { type Answer, codeFolder, type InvokeOptions, type RuntimeUnderTest, startRuntime } from "./harness.ts";

/** One language's bootstrap on one of its interpreters. */
export interface Language {
  /** argv; `flags` are the interpreter's */
  command(flags: readonly string[]): readonly string[];
  /** name of a function's only file, and its handler */
  readonly file: string;
  readonly handler: string;
  readonly env?: Readonly<Record<string, string>>;
  /** with which a process ends whose init has failed */
  readonly failedInit: number;
}

export interface Given {
  readonly files: Readonly<Record<string, string>>;
  readonly handler?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly flags?: readonly string[];
  /** argv before the interpreter's */
  readonly wrapper?: readonly string[];
}

/** Functions of that language outside of any sandbox. A string instead of `Given` is a function's only file. */
export interface Functions {
  /** the files of a function that is written as one */
  fileOf(code: string): Given["files"];
  start(given: Given | string): RuntimeUnderTest;
  /** Starts the function, which must succeed, hands it to `use`, and stops it. */
  running(given: Given | string, use: (started: RuntimeUnderTest) => Promise<void>): Promise<void>;
  /** Its answer to one event. */
  answerOf(given: Given | string, event?: unknown, options?: InvokeOptions): Promise<Answer>;
  /** What an answer holds that must be no error. */
  // biome-ignore lint/suspicious/noExplicitAny: a test knows what its function answers
  json(started: RuntimeUnderTest, event?: unknown): Promise<any>;
  /** The failure of a start that must fail. */
  failedInit(given: Given | string): Promise<Answer>;
}

export function functionsOf(language: Language): Functions {
  const fileOf = (code: string) => ({ [language.file]: code });

  function start(given: Given | string): RuntimeUnderTest {
    const {
      files,
      handler,
      env,
      flags = [],
      wrapper = [],
    }: Given = typeof given === "string" ? { files: fileOf(given) } : given;
    const command = [...wrapper, ...language.command(flags)];
    return startRuntime(command, codeFolder(files), handler ?? language.handler, { ...language.env, ...env });
  }

  async function running(given: Given | string, use: (started: RuntimeUnderTest) => Promise<void>): Promise<void> {
    const started = start(given);
    try {
      const { answer } = await started.start();
      assert.equal(answer, undefined, `init failed: ${JSON.stringify(answer?.failure)} ${started.output()}`);
      await use(started);
    } finally {
      await started.stop();
    }
  }

  return {
    fileOf,
    start,
    running,
    async answerOf(given, event = {}, options = {}) {
      let answer: Answer | undefined;
      await running(given, async (started) => {
        answer = await started.invoke(event, options);
      });
      return answer!;
    },
    async json(started, event = {}) {
      const answer = await started.invoke(event);
      assert.equal(answer.type, "RESPONSE", `${JSON.stringify(answer.failure)} ${started.output()}`);
      return JSON.parse(answer.body.toString());
    },
    async failedInit(given) {
      const started = start(given);
      const { answer } = await started.start();
      assert.equal((await started.exited()).exit?.code, language.failedInit, "a failed init ends the process");
      assert.equal(answer?.type, "INIT_ERROR");
      return answer;
    },
  };
}
