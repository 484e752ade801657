// A file that somebody chose, as the service is to take it: spreadsheets in Chinese save CSV in GB 18030, and say so nowhere.

const reads = (bytes, charset) => {
  try { new TextDecoder(charset, { fatal: true }).decode(bytes); return true; } catch { return false; }
};

/**
 * The media type of a file of text, with the characters that it is written in: UTF-8 where it can be, else GB 18030.
 * What is neither goes as it is, and the service says where it stops being text.
 * @param {Blob} file @param {string} type
 */
export async function typed(file, type) {
  const bytes = await file.arrayBuffer();
  return !reads(bytes, 'utf-8') && reads(bytes, 'gb18030') ? `${type}; charset=gb18030` : type;
}
