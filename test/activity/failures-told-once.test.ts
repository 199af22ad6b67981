import { defaultFailureConverter, defaultPayloadConverter } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { activitiesOnSimulator, paidOrder } from '../support/activity-rig.ts';
import { repeatedInFailure } from '../support/told-once.ts';

const longList = Array.from({ length: 15_000 }, () => 7);
const wrongInputs = {
  'a field of the wrong type': { duration: 'a quarter of an hour, if that is possible' },
  'a list of wrong items': { elements: [{ reference_image_urls: longList }] },
};

describe('a failure of a submit', () => {
  it.each(Object.entries(wrongInputs))('carries no text three times into the history: %s', async (_name, wrong) => {
    const rig = await activitiesOnSimulator();
    const order = { ...paidOrder, input: { ...paidOrder.input, ...wrong } };
    expectToldOnce(await rig.attempt(rig.activities.submitRequest, order));
  });
});

function expectToldOnce({ failure }: { failure?: Error }): void {
  expect(failure).toBeDefined();
  expect(repeatedInFailure(defaultFailureConverter.errorToFailure(failure, defaultPayloadConverter))).toEqual([]);
}
