/** Hands a file to the browser's own way of saving. */
export function saveFile(name: string, mime: string, bytes: BlobPart): void {
  const url = URL.createObjectURL(new Blob([bytes], { type: mime }));
  const anchor = document.createElement("a");
  anchor.href = url;
  anchor.download = name;
  anchor.click();
  // The browser has taken the file up by the next turn of its loop.
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/** `title` as a file name without its extension. */
export function fileName(title: string): string {
  return title.replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^[-.]+|[-.]+$/g, "") || "chart";
}
