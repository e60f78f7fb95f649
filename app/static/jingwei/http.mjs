/** Our API from the page: JSON in and out, and errors in words that say what to do. */
import { t } from "./words.mjs";

/** Something that did not work; `message` is for people, `code` and `status` for code. */
export class Trouble extends Error {
  constructor(message, { code = "", status = 0, fields = [], id = "", detail = "" } = {}) {
    super(message);
    Object.assign(this, { code, status, fields, id, detail });
  }
}

const token = () => document.querySelector('meta[name="csrf-token"]')?.content;

/** Ask `path`; `body` is sent as JSON, a Blob as it is. Raises Trouble. */
export async function ask(path, { method = "GET", body, signal } = {}) {
  const headers = { Accept: "application/json" };
  const raw = body instanceof Blob;
  if (body !== undefined) headers["Content-Type"] = raw ? body.type : "application/json";
  if (method !== "GET" && token()) headers["X-CSRF-Token"] = token();
  let answer;
  try {
    answer = await fetch(path, { method, headers, signal, body: body === undefined || raw ? body : JSON.stringify(body) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Trouble(t("没有连上服务器。请检查网络后再试。"), { code: "offline" });
  }
  if (answer.ok) return answer.json();
  throw await trouble(answer);
}

async function trouble(answer) {
  let said = {};
  try {
    said = await answer.json();
  } catch {
    /* an error of a proxy has no JSON: the status must do */
  }
  const about = { code: said.code || "", status: answer.status, fields: said.errors || [], id: said.request_id || "", detail: said.detail || "" };
  return new Trouble(inWords(answer.status, said), about);
}

function inWords(status, said) {
  if (status === 401) return t("登录已过期。请重新登录，填写的内容会留着。");
  if (status === 403) return t("您的角色不能做这件事，或不在您的辖区内。");
  if (status === 404) return t("没有找到。它可能已被删除，或不在您的辖区内。");
  if (status === 409) return t("这个编号已用于另一份内容。请重新填写后再提交。");
  if (status === 413) return t("内容太大。请减小照片后再试。");
  if (status === 429) return t("操作太频繁。请稍等片刻再试。");
  if (status === 503) return t("服务器正忙。内容还在，请再试一次。");
  if (status >= 500) return t("服务器出错。内容还在，请再试一次；若仍不行，请把编号 {id} 告诉管理员。", { id: said.request_id || "–" });
  return said.detail || t("请求有误。");
}
