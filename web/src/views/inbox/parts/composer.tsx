/** The field to write in: Enter sends, Shift+Enter makes a line; files, emoji, quick answers. What was typed is kept. */
import { useQueryClient } from "@tanstack/react-query";
import { type KeyboardEvent, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { Conversation, Message } from "~/api/types";
import { messageCalls, scheduledQuery, sending as sendingOf } from "~/data/messages";
import { draftOf, keepDraft, sendText } from "~/data/outgoing";
import { useSession } from "~/data/sessions";
import { useFormat } from "~/i18n/format";
import { useStrings } from "~/i18n/strings";
import { Icon } from "~/ui/icon";
import { IconButton } from "~/ui/icon-button";
import { toast } from "~/ui/toast";
import { words } from "../strings";
import { Emoji, Later, QuickAnswers, Scheduled } from "./composer-tools";

const MAX_FILE = 100 * 1024 * 1024;

export function Composer({
  conversation,
  quoted,
  onQuoteDone,
  returned,
  onReturnedDone,
}: {
  conversation: Conversation;
  quoted: Message | null;
  onQuoteDone: () => void;
  /** A text that was not sent and is to be changed; "": none. */
  returned: string;
  onReturnedDone: () => void;
}) {
  const t = useStrings(words);
  const format = useFormat();
  const client = useQueryClient();
  const session = useSession(conversation.session_id).data;
  const [text, setText] = useState(() => draftOf(conversation.id));
  const [file, setFile] = useState<File | null>(null);
  const [sending, setSending] = useState(false);
  const area = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);

  useEffect(() => keepDraft(conversation.id, text), [conversation.id, text]);

  useLayoutEffect(() => {
    const field = area.current;
    if (!field) return;
    field.style.blockSize = "auto";
    // measuring lays the whole page out, which an empty field needs not wait for
    if (text) field.style.blockSize = `${Math.min(field.scrollHeight, 180)}px`;
  }, [text]);

  useEffect(() => {
    if (quoted) area.current?.focus();
  }, [quoted]);

  useEffect(() => {
    if (!returned) return;
    setText((typed) => (typed.trim() ? `${returned}\n${typed}` : returned));
    onReturnedDone();
    area.current?.focus();
  }, [returned, onReturnedDone]);

  if (conversation.kind === "status" || conversation.kind === "channel") {
    return <p className="composer-closed">{t.readOnly}</p>;
  }

  const said = text.trim();
  const body = { text: said, pause_ai: true, ...(quoted ? { quoted_message_id: quoted.id } : {}) };

  const withCaption = (chosen: File) => ({ file: chosen, caption: said, quoted: quoted?.id });

  /** Fails with what the API says, and keeps what was typed. */
  async function schedule(at: Date) {
    if (file) await messageCalls.sendFile(conversation.id, { ...withCaption(file), at });
    else await messageCalls.send(conversation.id, { ...body, send_at: at.toISOString() });
    toast.good(t.laterDone(format.dateTime(at)));
    void client.invalidateQueries({ queryKey: scheduledQuery(conversation.id).queryKey });
    setText("");
    setFile(null);
    onQuoteDone();
    area.current?.focus();
  }

  async function send() {
    if (sending || (!said && !file)) return;
    if (!file) {
      // shown at once; where it fails it stays in the thread, and says so
      void sendText(client, conversation.id, body);
      setText("");
      onQuoteDone();
      area.current?.focus();
      return;
    }
    setSending(true);
    try {
      await sendingOf(client, () => messageCalls.sendFile(conversation.id, withCaption(file)));
      setText("");
      setFile(null);
      onQuoteDone();
    } catch (error) {
      toast.problem(error); // what was typed stays
    } finally {
      setSending(false);
      area.current?.focus();
    }
  }

  function onKeyDown(event: KeyboardEvent) {
    if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
      event.preventDefault();
      void send();
    } else if (event.key === "Escape" && quoted) onQuoteDone();
  }

  function insert(piece: string) {
    const field = area.current;
    const [from, to] = [field?.selectionStart ?? text.length, field?.selectionEnd ?? text.length];
    setText(text.slice(0, from) + piece + text.slice(to));
    requestAnimationFrame(() => {
      field?.focus();
      field?.setSelectionRange(from + piece.length, from + piece.length);
    });
  }

  function choose(chosen: File | undefined) {
    if (!chosen) return;
    if (chosen.size > MAX_FILE) toast.bad(t.tooLarge(format.bytes(MAX_FILE)));
    else setFile(chosen);
    area.current?.focus();
  }

  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        choose(event.dataTransfer.files[0]);
      }}
    >
      {session && session.status !== "open" && <p className="composer-note">{t.offlineNote}</p>}
      <Scheduled conversation={conversation.id} />
      {quoted && (
        <div className="composer-quote">
          <Icon name="reply" size={16} />
          <span>{quoted.body || t.types[quoted.type]}</span>
          <IconButton icon="close" size="s" label={t.noQuote} onPress={onQuoteDone} />
        </div>
      )}
      {file && (
        <div className="composer-quote">
          <Icon name="attach" size={16} />
          <span>
            {file.name} · {format.bytes(file.size)}
          </span>
          <IconButton icon="close" size="s" label={t.noFile} onPress={() => setFile(null)} />
        </div>
      )}
      <div className="composer-row" data-typed={said || file ? "" : undefined}>
        <input
          ref={picker}
          type="file"
          hidden
          onChange={(event) => {
            choose(event.target.files?.[0]);
            event.target.value = "";
          }}
        />
        <IconButton icon="attach" label={t.attach} onPress={() => picker.current?.click()} />
        <span className="composer-tool composer-tool-emoji">
          <Emoji onChoose={insert} />
        </span>
        <span className="composer-tool composer-tool-quick">
          <QuickAnswers session={conversation.session_id} onChoose={insert} />
        </span>
        <textarea
          ref={area}
          className="composer-field"
          rows={1}
          value={text}
          maxLength={65_536}
          placeholder={file ? t.caption : t.message}
          aria-label={file ? t.caption : t.write}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={onKeyDown}
          onPaste={(event) => choose(event.clipboardData.files[0])}
        />
        {(file || said) && <Later onSend={schedule} />}
        <IconButton
          type="submit"
          icon="send"
          kind="primary"
          label={t.send}
          isDisabled={sending || (!said && !file)}
        />
      </div>
    </form>
  );
}
