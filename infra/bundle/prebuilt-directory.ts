import { join } from 'node:path';
import type { FunctionName } from './bundle.ts';

/** The bundles that the npm package brings along, beside its only module. */
export function functionDirectory(name: FunctionName): string {
  return join(import.meta.dirname, 'functions', name);
}
