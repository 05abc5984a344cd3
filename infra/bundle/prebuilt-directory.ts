import { join } from 'node:path';

/** The bundles that the npm package brings along, beside its only module. */
export function functionDirectory(name: 'refresher' | 'rotation' | 'deployment'): string {
  return join(import.meta.dirname, 'functions', name);
}
