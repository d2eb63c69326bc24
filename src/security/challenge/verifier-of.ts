import type { ChallengeSettings } from '../../config/challenge.js';
import type { Verifier } from './challenges.js';

/** Who says whether a challenge is solved; loaded where one is configured. */
export async function verifierOf(by: ChallengeSettings['by']): Promise<Verifier> {
  switch (by.kind) {
    case 'url':
      return new (await import('./siteverify.js')).Siteverify(by.url, by.secret);
    case 'module':
      return await (await import('./operator-module.js')).OperatorModule.load(by.file);
    default:
      return by satisfies never;
  }
}
