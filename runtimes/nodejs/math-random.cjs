"use strict";
/**
 * Math.random of a process that is to be copied. V8's own generator goes on from where it was copied, and nobody can tell
 * it to start afresh: in this realm and in those of node:vm another takes its place, which can be given a new seed.
 */
const fs = require("node:fs");
const vm = require("node:vm");

// Taken before a function can replace them.
const { openSync, readSync, closeSync } = fs;
const { createContext, isContext, runInContext } = vm;

/** Random bytes of the kernel, which no copy shares. */
function fillFromKernel(bytes) {
  const fd = openSync("/dev/urandom", "r");
  for (let at = 0; at < bytes.length; ) at += readSync(fd, bytes, at, bytes.length - at, null);
  closeSync(fd);
}

/**
 * xoshiro128** (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2018): two draws of 26 bits make a
 * number of 52, which is what V8's own gives, and 64 are made at a time, as V8 does. `seed` forgets what was drawn ahead;
 * `seedLater` does so, too, and has its function give a new seed when the next number is drawn, if ever.
 * Its source text is also run in other realms, so that each has functions of its own: it may use nothing from outside.
 */
function createGenerator() {
  const ahead = 64;
  const state = new Int32Array(4);
  const pool = new Float64Array(ahead);
  let at = ahead;
  let awaited;

  function refill() {
    if (awaited !== undefined) {
      const give = awaited;
      awaited = undefined;
      give();
    }
    let [a, b, c, d] = state;
    for (let i = 0; i < ahead; i++) {
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

  function seed(a, b, c, d) {
    state[0] = a;
    state[1] = b;
    state[2] = c;
    // All zeros is the one state that it never leaves.
    state[3] = (a | b | c | d) === 0 ? 1 : d;
    at = ahead;
  }

  function seedLater(give) {
    awaited = give;
    at = ahead;
  }

  // A method: no constructor, like the one it replaces.
  Math.random = {
    random() {
      if (at === ahead) refill();
      return pool[at++];
    },
  }.random;
  Object.defineProperty(Math.random, "toString", { value: () => "function random() { [native code] }" });
  return { seed, seedLater };
}

function seedFromKernel({ seed }) {
  const words = new Int32Array(4);
  fillFromKernel(new Uint8Array(words.buffer));
  seed(words[0], words[1], words[2], words[3]);
}

/** Has `adopt` called with every context that node:vm makes, whichever of its functions is asked. */
function watchContexts(adopt) {
  vm.createContext = (object, options) => {
    const known = typeof object === "object" && object !== null && isContext(object);
    const context = createContext(object, options);
    if (!known) adopt(context);
    return context;
  };
  Object.defineProperties(vm.createContext, Object.getOwnPropertyDescriptors(createContext));

  /** Options of a context, from those of a script that brings it along. */
  const ofContext = (options) => ({
    ...(options?.contextName === undefined ? {} : { name: options.contextName }),
    ...(options?.contextOrigin === undefined ? {} : { origin: options.contextOrigin }),
    ...(options?.contextCodeGeneration === undefined ? {} : { codeGeneration: options.contextCodeGeneration }),
    ...(options?.microtaskMode === undefined ? {} : { microtaskMode: options.microtaskMode }),
  });
  const { runInNewContext } = vm;
  vm.runInNewContext = function (code, object, options) {
    const named = typeof options === "string" ? { filename: options } : options;
    return runInNewContext.call(this, code, vm.createContext(object, ofContext(named)), named);
  };
  Object.defineProperties(vm.runInNewContext, Object.getOwnPropertyDescriptors(runInNewContext));
  const ofScript = vm.Script.prototype.runInNewContext;
  vm.Script.prototype.runInNewContext = function (object, options) {
    return ofScript.call(this, vm.createContext(object, ofContext(options)), options);
  };
  Object.defineProperties(vm.Script.prototype.runInNewContext, Object.getOwnPropertyDescriptors(ofScript));
}

/**
 * Replaces Math.random of this realm and of all that are made. `isInit`: realms made now are copied with the process.
 * @returns {() => void} has all that were copied take a new seed from the kernel before they give another number
 */
function replaceRandom(isInit) {
  const generators = [createGenerator()];
  const source = `(${createGenerator})()`;
  watchContexts((context) => {
    const generator = runInContext(source, context);
    seedFromKernel(generator);
    if (isInit()) generators.push(generator);
  });
  const reseed = () => {
    for (const generator of generators) generator.seedLater(() => seedFromKernel(generator));
  };
  reseed();
  return reseed;
}

module.exports = { replaceRandom };
