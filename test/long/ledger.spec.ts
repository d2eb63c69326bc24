import {
  followsTheModel,
  followsTheModelOfStays,
  holdsForACrowd,
  holdsForACrowdOfStays,
} from '../integration/ledger/properties.js';
import { openLedger, type TestLedger } from '../support/ledger.js';

jest.setTimeout(1_800_000);

describe('The ledger, for longer', () => {
  let world: TestLedger;
  beforeEach(async () => {
    world = await openLedger();
  });
  afterEach(() => world.close());

  it('does what the model of a line does, command by command', () => followsTheModel(world, 800));

  it('does what the model of a line of stays does, command by command', () =>
    followsTheModelOfStays(world, 800));

  it('keeps every invariant while several processes do anything at once', () => holdsForACrowd(world, 200));

  it('keeps every invariant while several processes do anything at once with stays', () =>
    holdsForACrowdOfStays(world, 200));
});
