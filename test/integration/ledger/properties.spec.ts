import { openLedger, type TestLedger } from '../../support/ledger.js';
import {
  followsTheModel,
  followsTheModelOfStays,
  holdsForACrowd,
  holdsForACrowdOfStays,
} from './properties.js';

jest.setTimeout(120_000);

describe('The ledger', () => {
  let world: TestLedger;
  beforeEach(async () => {
    world = await openLedger();
  });
  afterEach(() => world.close());

  it('does what the model of a line does, command by command', () => followsTheModel(world, 80));

  it('does what the model of a line of stays does, command by command', () =>
    followsTheModelOfStays(world, 60));

  it('keeps every invariant while several processes do anything at once', () => holdsForACrowd(world, 20));

  it('keeps every invariant while several processes do anything at once with stays', () =>
    holdsForACrowdOfStays(world, 15));
});
