type Find<T> = (keys: readonly string[]) => Promise<ReadonlyMap<string, T>>;

/** Lets calls that are under way at the same time share what they find, so that no key is looked for twice. */
export class SingleFlight<T> {
  /** What the call that looks for a key will have found; without the key where that call fails. */
  readonly #flights = new Map<string, Promise<ReadonlyMap<string, T>>>();

  /**
   * A value for every key: from another call that is looking for it now, where that finds one that can be used, and by
   * `find` otherwise.
   *
   * @param find - gives a value for each of its keys
   */
  async run(keys: readonly string[], find: Find<T>, usable: (value: T) => boolean): Promise<ReadonlyMap<string, T>> {
    const values = new Map<string, T>();
    let open = keys;
    while (open.length > 0) {
      const flights = open.map(key => this.#flights.get(key));
      const claimed = open.filter((_, index) => !flights[index]);
      // Own keys first: a call that waited with keys in hand could be waited for by those it waits for.
      for (const [key, value] of await this.#claim(claimed, find)) values.set(key, value);
      for (const [index, key] of open.entries()) {
        const flight = flights[index];
        if (!flight) continue;
        const value = (await flight).get(key);
        if (value !== undefined && usable(value)) values.set(key, value);
      }
      open = open.filter(key => !values.has(key));
    }
    return values;
  }

  async #claim(keys: readonly string[], find: Find<T>): Promise<ReadonlyMap<string, T>> {
    if (keys.length === 0) return new Map();
    const flight = find(keys).finally(() => {
      for (const key of keys) this.#flights.delete(key);
    });
    const shared = flight.catch(() => new Map<string, T>());
    for (const key of keys) this.#flights.set(key, shared);
    return flight;
  }
}
