import type { Action } from "./action.ts";

/** What is asked about the account as a whole. */
export const accountActions: Readonly<Record<string, Action>> = {
  ListAccountAliases: () => ({ AccountAliases: [], IsTruncated: false }),

  // No identity providers can be made: AssumeRoleWithWebIdentity finds none either.
  ListOpenIDConnectProviders: () => ({ OpenIDConnectProviderList: [] }),
  ListSAMLProviders: () => ({ SAMLProviderList: [] }),
};
