"use strict";
/**
 * What copies of one process may not share. Loaded before the function's code and only in a process that is to be copied:
 * any other keeps Node.js as it is. OpenSSL's own generator is renewed by whoever restores a copy; Math.random belongs to
 * V8, which nobody can tell to start afresh, so it gets another generator here.
 */
const fs = require("node:fs");
const crypto = require("node:crypto");
const { syncBuiltinESMExports } = require("node:module");
const { precede } = require("./raw-output.cjs");

// Taken before a function can replace them.
const { openSync, readSync, closeSync } = fs;
const { randomInt } = crypto;

/** numbers made at a time, as V8 does for its own */
const POOL = 64;
/** more than the numbers crypto.randomInt draws ahead (1,024 in Node.js 18 to 26, lib/internal/crypto/random.js) */
const RANDOM_INT_AHEAD = 2048;

/** Random bytes of the kernel, which no copy shares. */
function fillFromKernel(bytes) {
  const fd = openSync("/dev/urandom", "r");
  for (let at = 0; at < bytes.length; ) at += readSync(fd, bytes, at, bytes.length - at, null);
  closeSync(fd);
}

/**
 * xoshiro128** (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2018): two draws of 26 bits make a
 * number of 52, which is what V8's own gives. `reseed` forgets what was drawn ahead.
 */
function createRandom() {
  const state = new Int32Array(4);
  const pool = new Float64Array(POOL);
  let at = POOL;

  function refill() {
    let [a, b, c, d] = state;
    for (let i = 0; i < POOL; i++) {
      let number = 0;
      for (let half = 0; half < 2; half++) {
        const five = Math.imul(b, 5);
        const drawn = Math.imul((five << 7) | (five >>> 25), 9);
        const shifted = b << 9;
        c ^= a;
        d ^= b;
        b ^= c;
        a ^= d;
        c ^= shifted;
        d = (d << 11) | (d >>> 21);
        number = number * 0x4000000 + (drawn >>> 6);
      }
      pool[i] = number / 0x10000000000000;
    }
    state[0] = a;
    state[1] = b;
    state[2] = c;
    state[3] = d;
    at = 0;
  }

  function reseed() {
    fillFromKernel(new Uint8Array(state.buffer));
    // All zeros is the one state that it never leaves.
    if ((state[0] | state[1] | state[2] | state[3]) === 0) state[0] = 1;
    at = POOL;
  }

  // A method: no constructor, like the one it replaces.
  const { random } = {
    random() {
      if (at === POOL) refill();
      return pool[at++];
    },
  };
  Object.defineProperty(random, "toString", { value: () => "function random() { [native code] }" });
  reseed();
  return { random, reseed };
}

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
 * @returns {{ drew(): boolean, endInit(): void, renew(): void }} `drew`: has anything been drawn from the crypto library
 * that all copies would share? `endInit`: what is drawn from now on is the copy's own. `renew`: makes the copy that calls
 * it differ from all others.
 */
function makeUnique() {
  const { random, reseed } = createRandom();
  Math.random = random;
  let init = true;
  let drew = false;
  let drewAhead = false;
  drawUuidsSingly(() => init);
  watchCrypto((name) => {
    if (!init) return;
    drew = true;
    if (name === "randomInt") drewAhead = true;
  });
  syncBuiltinESMExports();

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
