/**
 * Node.js' own HTTP, without what its `import` costs: for that, Node.js reads every export once, and the getter of `http.WebSocket` loads
 * its whole fetch (50 ms of CPU, twice what an engine takes to start). Nothing that the server needs when it starts may import it.
 */
export const http = process.getBuiltinModule("node:http");

/** The same over TLS, loaded with the first request that needs it. */
export const https = () => process.getBuiltinModule("node:https");
