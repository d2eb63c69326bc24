/** Links of the OpenAPI document: operations that take this member of an answer as their `id`. */
export const onTo = (
  member: string,
  operations: Readonly<Record<string, string>>,
): Record<string, { operationId: string; parameters: Record<string, string> }> =>
  Object.fromEntries(
    Object.entries(operations).map(([name, operationId]) => [
      name,
      { operationId, parameters: { id: `$response.body#/${member}` } },
    ]),
  );
