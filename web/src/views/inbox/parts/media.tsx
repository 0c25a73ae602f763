/** A message's file: pictures at once, sounds and videos when they are played, documents to save. */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import type { Message } from "~/api/types";
import { mediaQuery } from "~/data/messages";
import { useFormat } from "~/i18n/format";
import { problemText } from "~/i18n/problems";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { Icon, type IconName } from "~/ui/icon";
import { Spinner } from "~/ui/spinner";
import { words } from "../strings";

/** Pictures up to this size load by themselves. */
const AUTO_BYTES = 4 * 1024 * 1024;

interface Facts {
  mime_type?: string;
  size?: number;
  file_name?: string;
  seconds?: number;
  width?: number;
  height?: number;
  voice?: boolean;
  thumbnail?: string;
  transcript?: string;
  state?: string;
}

const ICONS: Partial<Record<Message["type"], IconName>> = {
  image: "image",
  sticker: "image",
  audio: "mic",
  video: "play",
  document: "file",
};

export function Media({ message }: { message: Message }) {
  const t = useStrings(words);
  const format = useFormat();
  const facts = (message.media ?? {}) as Facts;
  const [broken, setBroken] = useState(false);
  /** What this browser cannot draw is a file to save. */
  const picture = (message.type === "image" || message.type === "sticker") && !broken;
  const plays = message.type === "audio" || message.type === "video";
  const [wanted, setWanted] = useState(picture && (facts.size ?? 0) <= AUTO_BYTES && facts.state !== "gone");
  const query = useQuery({ ...mediaQuery(message.id), enabled: wanted });
  const url = useBlobUrl(query.data);
  const name = facts.file_name ?? t.types[message.type];
  const ratio = facts.width && facts.height ? `${facts.width} / ${facts.height}` : undefined;
  const details = [
    facts.seconds ? format.countdown(facts.seconds) : null,
    facts.size ? format.bytes(facts.size) : null,
  ]
    .filter(Boolean)
    .join(" · ");
  let shown: React.ReactNode;
  if (url && picture) {
    shown = (
      <a
        href={url}
        target="_blank"
        rel="noreferrer"
        className="bubble-picture"
        style={{ aspectRatio: ratio }}
      >
        <img src={url} alt={facts.transcript ?? message.body ?? name} onError={() => setBroken(true)} />
      </a>
    );
  } else if (url && message.type === "audio") {
    shown = (
      // biome-ignore lint/a11y/useMediaCaption: what is said stands below as text, where it is known
      <audio ref={focus} src={url} controls autoPlay className="bubble-audio" />
    );
  } else if (url && message.type === "video") {
    shown = (
      // biome-ignore lint/a11y/useMediaCaption: contacts send none
      <video
        ref={focus}
        src={url}
        controls
        autoPlay
        className="bubble-video"
        style={{ aspectRatio: ratio }}
      />
    );
  } else if (picture && query.isFetching) {
    shown = (
      <span className="bubble-picture bubble-picture-wait" style={{ aspectRatio: ratio ?? "4 / 3" }}>
        {facts.thumbnail && <img src={`data:image/jpeg;base64,${facts.thumbnail}`} alt="" />}
        <Spinner size={22} />
      </span>
    );
  } else {
    shown = (
      <span className="bubble-file">
        {plays && query.isFetching ? (
          <Spinner size={22} />
        ) : (
          <Icon name={ICONS[message.type] ?? "file"} size={22} />
        )}
        <span className="bubble-file-name">
          {facts.voice ? t.voice : name}
          {details && <small>{details}</small>}
        </span>
        <Button
          size="s"
          icon={plays ? "play" : "download"}
          // a button that goes away must not be announced as pending: the announcement would name nothing
          isPending={query.isFetching && !plays}
          isDisabled={facts.state === "gone"}
          onPress={async () => {
            setWanted(true);
            const blob = query.data ?? (await query.refetch()).data;
            if (blob && !picture && !plays) save(blob, name);
          }}
        >
          {plays ? t.play : t.open}
        </Button>
      </span>
    );
  }
  return (
    <div className="bubble-media">
      {shown}
      {facts.state === "gone" && <p className="bubble-error">{t.mediaGone}</p>}
      {query.isError && <p className="bubble-error">{problemText(query.error).detail}</p>}
      {facts.transcript && (
        <p className="bubble-transcript">
          <strong>{message.type === "audio" ? t.transcript : t.description}</strong> {facts.transcript}
        </p>
      )}
    </div>
  );
}

/** The player takes the place of the button that was pressed: the keyboard goes on there. */
const focus = (player: HTMLMediaElement | null): void => player?.focus({ preventScroll: true });

function useBlobUrl(blob: Blob | undefined): string | null {
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    if (!blob) return;
    const made = URL.createObjectURL(blob);
    setUrl(made);
    return () => {
      URL.revokeObjectURL(made);
      setUrl(null);
    };
  }, [blob]);
  return url;
}

function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
