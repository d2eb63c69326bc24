/** Links of the OpenAPI document: operations that take this part of an answer as their parameter. */
export const onTo = (
  part: string,
  operations: Readonly<Record<string, string>>,
  parameter = 'id',
): Record<string, { operationId: string; parameters: Record<string, string> }> =>
  Object.fromEntries(
    Object.entries(operations).map(([name, operationId]) => [
      name,
      { operationId, parameters: { [parameter]: `$response.body#/${part}` } },
    ]),
  );
