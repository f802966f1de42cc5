import { compilePattern, PatternError } from "../../../patterns/index.ts";

/** Is it a pattern that Lambda takes? */
export function isFilterPattern(text: string): boolean {
  try {
    compilePattern(text);
    return true;
  } catch (error) {
    if (error instanceof PatternError) return false;
    throw error;
  }
}
