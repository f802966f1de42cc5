export { type AdminNeeds, createAdmin, type LogLine } from "./admin/admin.ts";
export { createAuth } from "./auth/auth.ts";
export { createAccountCredentials, createFunctionCredentials } from "./auth/function-credentials.ts";
export { operatorKey } from "./auth/operator.ts";
export { createRoleJudge } from "./auth/pass-role.ts";
export { isServedHere } from "./aws/services.ts";
export { createEdge, type Edge, type EdgeNeeds } from "./edge.ts";
export { recursiveInvocation, traced } from "./lambda-api/lineage.ts";
