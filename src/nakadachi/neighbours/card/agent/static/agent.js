// Says when something new waits; what the person is typing stays untouched. The page works without this.
"use strict";
const body = document.body;
async function look() {
  try {
    const answer = await fetch(body.dataset.waiting);
    const mark = await answer.text();
    if (answer.ok && mark !== body.dataset.mark) {
      const typing = [...document.querySelectorAll("input:not([type=hidden])")].some((one) => one.value !== "");
      if (!typing) { location.reload(); return; }
      document.getElementById("news").textContent = "新しい確認があります。画面を更新してください。 Something new waits: refresh.";
    }
  } catch {
    document.getElementById("news").textContent = "エージェントが終了しました。 The agent has ended.";
  }
  setTimeout(look, 1500);
}
setTimeout(look, 1500);
