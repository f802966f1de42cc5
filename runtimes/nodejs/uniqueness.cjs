"use strict";
/**
 * What copies of one process may not share. Loaded before the function's code and only in a process that is to be copied:
 * any other keeps Node.js as it is. OpenSSL's own generator is renewed by whoever restores a copy.
 */
const crypto = require("node:crypto");
const { syncBuiltinESMExports } = require("node:module");
const { precede } = require("./raw-output.cjs");
const { replaceRandom } = require("./math-random.cjs");

/** taken before a function can replace it */
const { randomInt } = crypto;

/** more than the numbers crypto.randomInt draws ahead (1,024 in Node.js 18 to 26, lib/internal/crypto/random.js) */
const RANDOM_INT_AHEAD = 2048;

/** Calls `drawn(name)` whenever the function draws from the crypto library, whichever way it came by it. */
function watchCrypto(drawn) {
  const watch = (object, pattern) => {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(object ?? {}))) {
      if (typeof value === "function" && pattern.test(name)) precede(object, name, () => drawn(name));
    }
  };
  const { webcrypto } = crypto;
  watch(crypto, /^(random|generate|encapsulate)/);
  watch(crypto.ECDH?.prototype, /^generateKeys$/);
  watch(crypto.DiffieHellman?.prototype, /^generateKeys$/);
  watch(Object.getPrototypeOf(webcrypto), /^(getRandomValues|randomUUID)$/);
  watch(Object.getPrototypeOf(webcrypto.subtle), /^(generateKey|encapsulate)/);
  // Old names of one function.
  for (const name of ["prng", "rng", "pseudoRandomBytes"]) {
    const descriptor = Object.getOwnPropertyDescriptor(crypto, name);
    if (!descriptor?.configurable) continue;
    const { enumerable } = descriptor;
    Object.defineProperty(crypto, name, { value: crypto.randomBytes, enumerable, configurable: true, writable: true });
  }
}

/** crypto.randomUUID draws 128 ahead; while `isInit()` it draws each by itself. */
function drawUuidsSingly(isInit) {
  const uncached = (original) => (options) => {
    if (options !== undefined && (options === null || typeof options !== "object")) return original(options);
    return original({ ...options, disableEntropyCache: true });
  };
  const replace = (object, name, singly) => {
    const original = object[name];
    if (typeof original !== "function") return;
    object[name] = function (...args) {
      return isInit() ? singly(this, args) : original.apply(this, args);
    };
    Object.defineProperties(object[name], Object.getOwnPropertyDescriptors(original));
  };
  const single = uncached(crypto.randomUUID);
  replace(crypto, "randomUUID", (_self, [options]) => single(options));
  if (crypto.randomUUIDv7) {
    const single7 = uncached(crypto.randomUUIDv7);
    replace(crypto, "randomUUIDv7", (_self, [options]) => single7(options));
  }
  const prototype = Object.getPrototypeOf(crypto.webcrypto);
  const { randomUUID } = prototype;
  // What is called on anything else gets the error it deserves.
  replace(prototype, "randomUUID", (self) => (self === crypto.webcrypto ? single() : randomUUID.call(self)));
}

/**
 * Makes this process fit to be copied. Call it before the function's code is loaded.
 * @returns {{ drew(): boolean, endInit(): void, renew(): void }} `drew`: has anything been drawn from the crypto library,
 * or perhaps by a worker, that all copies would share? `endInit`: what is drawn from now on is the copy's own. `renew`: makes the copy that calls
 * it differ from all others.
 */
function makeUnique() {
  let init = true;
  const reseed = replaceRandom(() => init);
  let drew = false;
  let drewAhead = false;
  drawUuidsSingly(() => init);
  watchCrypto((name) => {
    if (!init) return;
    drew = true;
    if (name === "randomInt") drewAhead = true;
  });
  syncBuiltinESMExports();
  // A worker has a Math.random of its own, and what it draws is seen nowhere.
  process.on("worker", () => {
    drew = true;
  });

  return {
    drew: () => drew,
    endInit() {
      init = false;
    },
    renew() {
      reseed();
      for (let left = drewAhead ? RANDOM_INT_AHEAD : 0; left > 0; left--) randomInt(2);
    },
  };
}

module.exports = { makeUnique };
