export { type EncryptionContext, headOf } from "./ciphertext.ts";
export { createFunctionSecrets, type FunctionSecrets, type Owner } from "./environment.ts";
export { checkFunctionKey } from "./function-key.ts";
export { createKeys, type Keys, type KeysNeeds, type NewKey } from "./keys.ts";
export { MasterKeyError, openMasterKey } from "./master.ts";
export {
  encryptionAlgorithms,
  macAlgorithms,
  privateKeyOf,
  publicKeyOf,
  signingAlgorithms,
  usagesOf,
} from "./material.ts";
export { openKeys } from "./open.ts";
export * from "./records.ts";
export { createSealer, SealBroken, type Sealer } from "./seal.ts";
