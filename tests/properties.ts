import fc from "fast-check";

/**
 * Properties of fast-check, the same cases in every run: a failure belongs to the change that it came with. Another number in
 * THAW_TEST_SEED, or "random", looks at others; what fails says its seed.
 */
const wanted = process.env.THAW_TEST_SEED ?? "20261122";
if (wanted !== "random") fc.configureGlobal({ seed: Number(wanted) });

export default fc;
