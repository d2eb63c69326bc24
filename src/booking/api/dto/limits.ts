/** The most that one booking can ask for, whatever its offer allows. */
export const MAX_QUANTITY = 50;
/** The most rows of one page of any list. */
export const MAX_PAGE = 200;
export const MAX_CAPACITY = 10_000_000;
