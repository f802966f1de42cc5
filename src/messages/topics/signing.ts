import { createPrivateKey, createSign, generateKeyPairSync, type KeyObject } from "node:crypto";
import type { MessageStore } from "../store.ts";
import { fingerprint, selfSigned } from "./certificate.ts";

/** Signs what is sent to HTTP endpoints, with a key of this platform's own. */
export interface Signing {
  /** `version`: the topic's SignatureVersion; 1 is SHA-1, 2 is SHA-256 */
  sign(fields: Readonly<Record<string, string | undefined>>, version: string): string;
  /** `/SimpleNotificationService-….pem` */
  certificatePath(): string;
  /** in PEM */
  certificate(): string;
}

interface Kept {
  readonly key: string;
  readonly certificate: string;
}

const signed: Readonly<Record<string, readonly string[]>> = {
  Notification: ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
  others: ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
};

/** `change` is called when the key has to be made, which is when it is first needed. */
export function createSigning(
  store: Pick<MessageStore, "documents" | "addDocument">,
  needs: { change<T>(work: () => T): T; clock(): number },
): Signing {
  let known: { key: KeyObject; certificate: string } | undefined;
  /** All subscriptions of a topic get the same. */
  let last = { text: "", version: "", signature: "" };

  function load(): { key: KeyObject; certificate: string } {
    const [row] = store.documents("signing-key");
    const kept = row === undefined ? make() : (JSON.parse(row.document) as Kept);
    return { key: createPrivateKey(kept.key), certificate: kept.certificate };
  }

  function make(): Kept {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const kept: Kept = {
      key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      certificate: selfSigned(privateKey, "sns.amazonaws.com", needs.clock()),
    };
    needs.change(() => store.addDocument("signing-key", "http", JSON.stringify(kept)));
    return kept;
  }

  function get() {
    known ??= load();
    return known;
  }

  return {
    /** Source: SNS Developer Guide, "Verifying the signatures of Amazon SNS messages". */
    sign(fields, version) {
      const names = signed[fields.Type === "Notification" ? "Notification" : "others"]!;
      const text = names.flatMap((name) => (fields[name] === undefined ? [] : [`${name}\n${fields[name]}\n`])).join("");
      if (last.text !== text || last.version !== version) {
        const made = createSign(version === "2" ? "RSA-SHA256" : "RSA-SHA1")
          .update(text)
          .sign(get().key, "base64");
        last = { text, version, signature: made };
      }
      return last.signature;
    },
    certificatePath: () => `/SimpleNotificationService-${fingerprint(get().certificate)}.pem`,
    certificate: () => get().certificate,
  };
}
