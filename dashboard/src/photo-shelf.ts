/** The person's own photo for savoring: on this device, and nowhere else. */

const DATABASE = "biofeedback.photo";
const STORE = "photo";
const KEY = "mine";

/** Keeps the photo in place of the one before; fails where nothing can be kept. */
export async function keepPhoto(photo: Blob): Promise<void> {
  await within("readwrite", (store) => store.put(photo, KEY));
}

/** The photo that is kept, or null. */
export async function keptPhoto(): Promise<Blob | null> {
  const found: unknown = await within("readonly", (store) => store.get(KEY));
  return found instanceof Blob ? found : null;
}

export async function removePhoto(): Promise<void> {
  await within("readwrite", (store) => store.delete(KEY));
}

async function within<T>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await opened();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const request = act(transaction.objectStore(STORE));
      // A full disk is told when all is written, not when it was asked for.
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = transaction.onerror = () => reject(transaction.error ?? request.error);
    });
  } finally {
    database.close();
  }
}

function opened(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("no database"));
  });
}
