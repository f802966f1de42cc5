export {
  describeQueries,
  getLogGroupFields,
  getLogRecord,
  getQueryResults,
  startQuery,
  stopQuery,
} from "./operations.ts";
export { createQueries, type Queries } from "./queries.ts";
