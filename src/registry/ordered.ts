/** Values by name. They are listed in the order of their names, page by page, far more often than names come and go. */
export class Ordered<T> {
  readonly #values = new Map<string, T>();
  /** in order; undefined: to be sorted when somebody asks */
  #names: string[] | undefined;
  #list: readonly T[] | undefined;

  get(name: string): T | undefined {
    return this.#values.get(name);
  }

  set(name: string, value: T): void {
    if (!this.#values.has(name)) this.#names?.splice(this.#placeOf(this.#names, name), 0, name);
    this.#values.set(name, value);
    this.#list = undefined;
  }

  delete(name: string): void {
    if (!this.#values.delete(name)) return;
    this.#names?.splice(this.#placeOf(this.#names, name), 1);
    this.#list = undefined;
  }

  /** In the order in which they came. */
  values(): Iterable<T> {
    return this.#values.values();
  }

  /** In the order of their names (of UTF-16 code units). What is given does not change any more. */
  list(): readonly T[] {
    this.#list ??= this.#sorted().map((name) => this.#values.get(name)!);
    return this.#list;
  }

  /** The same, from a name on, whether or not it is there. Must be read before anything changes. */
  *from(name: string): Iterable<T> {
    const names = this.#sorted();
    for (let index = this.#placeOf(names, name); index < names.length; index++) yield this.#values.get(names[index]!)!;
  }

  #sorted(): readonly string[] {
    this.#names ??= [...this.#values.keys()].sort((one, other) => (one < other ? -1 : 1));
    return this.#names;
  }

  /** Where a name is, or would be. */
  #placeOf(names: readonly string[], name: string): number {
    let low = 0;
    let high = names.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (names[middle]! < name) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
