import type { DiagnosisStep } from './step.ts';

/**
 * Says what is wrong and what to do, in one sentence: of the first step that failed, else of the first that warns. Null if
 * none does.
 */
export function problemOf(steps: readonly DiagnosisStep[]): string | null {
  const failed = steps.find(({ ok, skipped }) => !ok && skipped !== true);
  if (failed !== undefined) {
    const { code, fault, message = '', remedy = '' } = failed;
    const label = code === undefined ? fault : `${code} (${fault})`;
    return `${label}: ${inOneSentence(`${message} ${remedy}`)}`;
  }
  // A warning with a fault is a cause; one without follows from others.
  const warned = steps.find(({ warning, fault }) => warning && fault) ?? steps.find(({ warning }) => warning);
  if (warned?.warning === undefined) return null;
  return inOneSentence(warned.fault === undefined ? warned.warning : `${warned.fault}: ${warned.warning}`);
}

function inOneSentence(text: string): string {
  return text.trim().replace(/\.\s+(?=\p{Lu})/gu, '; ');
}
