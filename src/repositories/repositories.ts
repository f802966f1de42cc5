import { type Content, createContent, digestOf, type Upload, unknownUpload } from "./content.ts";
import { noRepository, RepositoryError } from "./failure.ts";
import { readManifest } from "./manifest.ts";
import type { BlobRecord, ImageRecord, RepositoryRecord } from "./records.ts";

export interface RepositoryScope {
  readonly account: string;
  readonly region: string;
}

/** Documents of one kind, written durably and read from memory (registry/). */
export interface Documents<T> {
  get(account: string, name: string): T | undefined;
  put(record: T): void;
  remove(account: string, name: string): void;
  list(account: string): readonly T[];
  everything(): Iterable<T>;
}

export interface RepositoriesNeeds {
  /** content lies here; made if it is not there */
  readonly directory: string;
  readonly repositories: Documents<RepositoryRecord>;
  readonly images: Documents<ImageRecord>;
  readonly blobs: Documents<BlobRecord>;
  /** milliseconds since the epoch */
  clock(): number;
}

export interface NewImage {
  readonly manifest: Buffer;
  /** as its sender says */
  readonly mediaType?: string | undefined;
  readonly tag?: string | undefined;
  /** what its digest must be */
  readonly digest?: string | undefined;
}

/** Repositories and what was pushed to them. Throws and rejects with RepositoryError. */
export interface Repositories {
  /** Throws RepositoryNotFoundException. */
  find(scope: RepositoryScope, repository: string): RepositoryRecord;
  list(scope: RepositoryScope): RepositoryRecord[];
  /** All of this name, whoever's and wherever. */
  named(repository: string): RepositoryRecord[];
  create(record: Omit<RepositoryRecord, "name" | "created">): RepositoryRecord;
  /** Replaces what is written of it. */
  change(record: RepositoryRecord): void;
  /** Throws RepositoryNotEmptyException unless forced. */
  remove(record: RepositoryRecord, force: boolean): void;

  images(of: RepositoryRecord): ImageRecord[];
  /** By a digest or a tag. */
  image(of: RepositoryRecord, reference: string): ImageRecord | undefined;
  manifest(image: Pick<ImageRecord, "digest">): Promise<Buffer>;
  /** Everything that its manifest names must be there. `isNew`: neither manifest nor tag were as they are now. */
  putImage(to: RepositoryRecord, image: NewImage): Promise<{ readonly image: ImageRecord; readonly isNew: boolean }>;
  /** Takes one tag off; without any, an image is still there under its digest, as ECR has it. */
  untag(of: RepositoryRecord, image: ImageRecord, tag: string): void;
  /** False: an index names it, and it stays. */
  removeImage(of: RepositoryRecord, image: ImageRecord): boolean;

  blob(of: RepositoryRecord, digest: string): BlobRecord | undefined;
  /** The file with a blob's content. */
  path(digest: string): string;
  /** Gives a blob of one repository to another, without a byte copied. False: it has none such. */
  mount(from: RepositoryRecord, to: RepositoryRecord, digest: string): boolean;
  begin(to: RepositoryRecord): Promise<Upload>;
  /** Throws UploadNotFoundException. */
  upload(to: RepositoryRecord, id: string): Upload;
  append(upload: Upload, source: AsyncIterable<Uint8Array>): Promise<void>;
  finish(to: RepositoryRecord, upload: Upload, digest: string): Promise<void>;
  abandon(upload: Upload): Promise<void>;
  /** Takes away blobs that no image has wanted for a day, and content that is nobody's. */
  sweep(): void;
}

/** A blob is pushed before the manifest that names it. */
const unusedMs = 24 * 3600_000;

export function createRepositories(needs: RepositoriesNeeds): Repositories {
  const { repositories, images, blobs, clock } = needs;
  const content: Content = createContent(needs.directory, clock);
  const inside = (of: RepositoryRecord) => (one: ImageRecord | BlobRecord) =>
    one.region === of.region && one.repository === of.repository;
  const imagesOf = (of: RepositoryRecord) => images.list(of.account).filter(inside(of));
  const partName = (of: RepositoryRecord, digest: string) => `${of.name}@${digest}`;
  const ownerOf = (of: RepositoryRecord) => `${of.account} ${of.name}`;
  /** the repository was not deleted while something came for it */
  const isThere = (of: RepositoryRecord) => repositories.get(of.account, of.name)?.created === of.created;

  const owned = () => new Set([...blobs.everything(), ...images.everything()].map(({ digest }) => digest));
  function release(digests: readonly string[]): void {
    const kept = owned();
    for (const digest of digests) if (!kept.has(digest)) content.remove(digest);
  }

  function imageOf(of: RepositoryRecord, reference: string): ImageRecord | undefined {
    if (reference.startsWith("sha256:")) return images.get(of.account, partName(of, reference));
    return imagesOf(of).find(({ tags }) => tags.includes(reference));
  }

  function ownBlob(of: RepositoryRecord, digest: string, size: number): void {
    if (!isThere(of)) throw noRepository(of.repository, of.account);
    const { account, region, repository } = of;
    blobs.put({ account, name: partName(of, digest), region, repository, digest, size, stored: clock() });
  }

  async function putImage(to: RepositoryRecord, { manifest, mediaType, tag, digest }: NewImage) {
    const facts = readManifest(manifest, mediaType);
    const missing = facts.blobs.filter((blob) => blobs.get(to.account, partName(to, blob)) === undefined);
    if (missing.length > 0) {
      throw new RepositoryError(
        "LayersNotFoundException",
        `Layers with digests '[${missing.join(", ")}]' required for pushing image into repository with name '${to.repository}' in the registry with id '${to.account}' do not exist`,
      );
    }
    const unknown = facts.images.filter((image) => imageOf(to, image) === undefined);
    if (unknown.length > 0) {
      throw new RepositoryError(
        "ReferencedImagesNotFoundException",
        `Images with digests '[${unknown.join(", ")}]' required for pushing image into repository with name '${to.repository}' in the registry with id '${to.account}' do not exist`,
      );
    }
    const found = digestOf(manifest);
    if (digest !== undefined && digest !== found) {
      throw new RepositoryError(
        "ImageDigestDoesNotMatchException",
        `The digest of the image is ${found}, and not the given ${digest}`,
      );
    }
    let done: { image: ImageRecord; isNew: boolean } | undefined;
    await content.put(found, manifest, () => {
      done = ownImage(to, found, tag, facts);
    });
    return done!;
  }

  /** Nothing is awaited in here: what was looked at is still so when it is written. */
  function ownImage(
    to: RepositoryRecord,
    digest: string,
    tag: string | undefined,
    facts: ReturnType<typeof readManifest>,
  ) {
    if (!isThere(to)) throw noRepository(to.repository, to.account);
    const { account, region, repository } = to;
    const known = imageOf(to, digest);
    const tagged = tag === undefined ? undefined : imageOf(to, tag);
    if (tag !== undefined && tagged !== undefined && tagged.digest !== digest) {
      if (isFixed(repositories.get(account, to.name) ?? to, tag)) {
        throw new RepositoryError(
          "ImageTagAlreadyExistsException",
          `The image tag '${tag}' already exists in the '${repository}' repository and cannot be overwritten because the tag is immutable.`,
        );
      }
      images.put({ ...tagged, tags: tagged.tags.filter((one) => one !== tag) });
    }
    const isNew = known === undefined || (tag !== undefined && tagged?.digest !== digest);
    const before = known?.tags ?? [];
    const image: ImageRecord = {
      account,
      name: partName(to, digest),
      region,
      repository,
      digest,
      ...facts,
      pushed: isNew ? clock() : known.pushed,
      tags: tag === undefined || before.includes(tag) ? before : [...before, tag],
    };
    images.put(image);
    return { image, isNew };
  }

  return {
    find(scope, repository) {
      const found = repositories.get(scope.account, `${scope.region}:${repository}`);
      if (found === undefined) throw noRepository(repository, scope.account);
      return found;
    },
    list: ({ account, region }) =>
      repositories
        .list(account)
        .filter((one) => one.region === region)
        .sort((one, other) => (one.repository < other.repository ? -1 : 1)),
    named: (repository) => [...repositories.everything()].filter((one) => one.repository === repository),
    create(given) {
      const record: RepositoryRecord = { ...given, name: `${given.region}:${given.repository}`, created: clock() };
      if (repositories.get(record.account, record.name) !== undefined) {
        throw new RepositoryError(
          "RepositoryAlreadyExistsException",
          `The repository with name '${record.repository}' already exists in the registry with id '${record.account}'`,
        );
      }
      repositories.put(record);
      return record;
    },
    change: (record) => repositories.put(record),
    remove(record, force) {
      const there = imagesOf(record);
      if (there.length > 0 && !force) {
        throw new RepositoryError(
          "RepositoryNotEmptyException",
          `The repository with name '${record.repository}' in registry with id '${record.account}' cannot be deleted because it still contains images`,
        );
      }
      const parts = blobs.list(record.account).filter(inside(record));
      for (const image of there) images.remove(image.account, image.name);
      for (const blob of parts) blobs.remove(blob.account, blob.name);
      repositories.remove(record.account, record.name);
      release([...there, ...parts].map(({ digest }) => digest));
    },

    images: imagesOf,
    image: imageOf,
    manifest: ({ digest }) => content.read(digest),
    putImage,
    untag(of, image, tag) {
      const now = images.get(of.account, image.name);
      if (now !== undefined) images.put({ ...now, tags: now.tags.filter((one) => one !== tag) });
    },
    removeImage(of, image) {
      if (imagesOf(of).some((one) => one.images.includes(image.digest))) return false;
      images.remove(image.account, image.name);
      const others = imagesOf(of);
      const unused = image.blobs.filter((digest) => !others.some((one) => one.blobs.includes(digest)));
      for (const digest of unused) blobs.remove(of.account, partName(of, digest));
      release([image.digest, ...unused]);
      return true;
    },

    blob: (of, digest) => blobs.get(of.account, partName(of, digest)),
    path: content.path,
    mount(from, to, digest) {
      const blob = blobs.get(from.account, partName(from, digest));
      if (blob === undefined) return false;
      ownBlob(to, digest, blob.size);
      return true;
    },
    begin: (to) => content.begin(ownerOf(to)),
    upload(to, id) {
      const upload = content.upload(id, ownerOf(to));
      if (upload === undefined) throw unknownUpload(id);
      return upload;
    },
    append: content.append,
    finish: (to, upload, digest) => content.finish(upload, digest, (size) => ownBlob(to, digest, size)),
    abandon: content.abandon,
    sweep() {
      const used = new Set<string>();
      for (const { account, region, repository, blobs: parts } of images.everything()) {
        for (const digest of parts) used.add(`${account} ${region}:${repository}@${digest}`);
      }
      const before = clock() - unusedMs;
      for (const blob of [...blobs.everything()]) {
        if (blob.stored < before && !used.has(`${blob.account} ${blob.name}`)) blobs.remove(blob.account, blob.name);
      }
      const kept = owned();
      content.sweep((digest) => kept.has(digest));
    },
  };
}

/** May a tag that is there not lead to another image? */
function isFixed({ mutability, exclusions }: RepositoryRecord, tag: string): boolean {
  const fixed = mutability.startsWith("IMMUTABLE");
  if (!mutability.endsWith("_WITH_EXCLUSION")) return fixed;
  return exclusions.some((pattern) => matches(pattern, tag)) ? !fixed : fixed;
}

/** `*` in a pattern stands for any text. */
function matches(pattern: string, tag: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return tag === first;
  if (!tag.startsWith(first) || !tag.endsWith(last) || tag.length < first.length + last.length) return false;
  let at = first.length;
  for (const part of rest) {
    const found = tag.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return at <= tag.length - last.length;
}
