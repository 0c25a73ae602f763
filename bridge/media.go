// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
)

// mediaTimeout bounds one upload or download; the largest files are 2 GB.
const mediaTimeout = 30 * time.Minute

// partPrefix begins the names of unfinished files; older ones than partAge are
// left over from a process that was killed.
const (
	partPrefix = ".part-"
	partAge    = 24 * time.Hour
)

var errMediaTooLarge = errors.New("the media is larger than max_bytes")

// mediaTypes are the `type` values of `upload`. Stickers are encrypted as images (whatsmeow download.go).
var mediaTypes = map[string]whatsmeow.MediaType{
	"image":    whatsmeow.MediaImage,
	"video":    whatsmeow.MediaVideo,
	"audio":    whatsmeow.MediaAudio,
	"document": whatsmeow.MediaDocument,
	"sticker":  whatsmeow.MediaImage,
}

// mediaDir is the directory that uploads and downloads are confined to. All
// files are reached through an os.Root, which no symlink leads out of.
type mediaDir struct {
	root *os.Root
	dirs []string // the directory as given and with symlinks resolved
}

// openMediaDir creates the directory if needed and removes left-over parts.
func openMediaDir(path string) (*mediaDir, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(real)
	if err != nil {
		return nil, err
	}
	parts, _ := filepath.Glob(filepath.Join(real, partPrefix+"*"))
	for _, part := range parts {
		if info, err := os.Lstat(part); err == nil && time.Since(info.ModTime()) > partAge {
			_ = os.Remove(part)
		}
	}
	return &mediaDir{root: root, dirs: []string{path, real}}, nil
}

// inside returns a path relative to the directory, or media_path.
func (m *mediaDir) inside(path string) (string, error) {
	if filepath.IsAbs(path) {
		for _, dir := range m.dirs {
			relative, err := filepath.Rel(dir, path)
			if err == nil && relative != "." && filepath.IsLocal(relative) {
				return relative, nil
			}
		}
	}
	return "", newError(codeMediaPath, "the path is not inside the media directory")
}

// open opens a regular file for reading.
func (m *mediaDir) open(path string) (*os.File, error) {
	relative, err := m.inside(path)
	if err != nil {
		return nil, err
	}
	file, err := m.root.Open(relative)
	if err != nil {
		return nil, newError(codeMediaPath, "cannot read the file: %v", pathReason(err))
	}
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		_ = file.Close()
		return nil, newError(codeMediaPath, "not a regular file")
	}
	return file, nil
}

// part creates an unfinished file; remove deletes it unless it was renamed.
func (m *mediaDir) part() (file *os.File, name string, remove func(), err error) {
	name = partPrefix + rand.Text()
	file, err = m.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, "", nil, newError(codeMediaPath, "cannot write to the media directory: %v", pathReason(err))
	}
	return file, name, func() {
		_ = file.Close()
		_ = m.root.Remove(name)
	}, nil
}

// pathReason leaves the path out of a file error.
func pathReason(err error) error {
	var pathErr *os.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

// limitedFile is a file that refuses to grow past a limit, in bytes.
type limitedFile struct {
	whatsmeow.File
	limit int64
}

func (f limitedFile) Write(data []byte) (int, error) {
	if position, err := f.Seek(0, io.SeekCurrent); err != nil {
		return 0, err
	} else if position+int64(len(data)) > f.limit {
		return 0, errMediaTooLarge
	}
	return f.File.Write(data)
}

type uploadParams struct {
	Path string `json:"path"`
	Type string `json:"type"`
}

type uploadResult struct {
	URL           string `json:"url"`
	DirectPath    string `json:"direct_path"`
	MediaKey      []byte `json:"media_key"`
	FileEncSHA256 []byte `json:"file_enc_sha256"`
	FileSHA256    []byte `json:"file_sha256"`
	FileLength    uint64 `json:"file_length"`
}

func (b *bridge) upload(ctx context.Context, s *session, raw json.RawMessage) (any, error) {
	params, err := decode[uploadParams](raw)
	if err != nil {
		return nil, err
	}
	mediaType, known := mediaTypes[params.Type]
	if !known {
		return nil, newError(codeBadRequest, "unknown media type %q", params.Type)
	}
	if err := s.requireOnline(); err != nil {
		return nil, err
	}
	file, err := b.media.open(params.Path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	encrypted, _, remove, err := b.media.part()
	if err != nil {
		return nil, err
	}
	defer remove()
	ctx, cancel := context.WithTimeout(ctx, mediaTimeout)
	defer cancel()
	up, err := s.client.UploadReader(ctx, file, encrypted, mediaType)
	if err != nil {
		return nil, err
	}
	return uploadResult{
		URL: up.URL, DirectPath: up.DirectPath, MediaKey: up.MediaKey,
		FileEncSHA256: up.FileEncSHA256, FileSHA256: up.FileSHA256, FileLength: up.FileLength,
	}, nil
}

type downloadParams struct {
	Message  json.RawMessage `json:"message"`
	Path     string          `json:"path"`
	MaxBytes int64           `json:"max_bytes"` // 0: no limit
}

type downloadResult struct {
	Size   int64  `json:"size"`
	SHA256 []byte `json:"sha256"`
}

func (b *bridge) download(ctx context.Context, s *session, raw json.RawMessage) (any, error) {
	params, err := decode[downloadParams](raw)
	if err != nil {
		return nil, err
	}
	message, err := parseMessage(params.Message)
	if err != nil {
		return nil, err
	}
	attachment := attachmentOf(message)
	if attachment == nil {
		return nil, whatsmeow.ErrNothingDownloadableFound
	}
	target, err := b.media.inside(params.Path)
	if err != nil {
		return nil, err
	}
	if err := s.requireOnline(); err != nil {
		return nil, err
	}
	file, name, remove, err := b.media.part()
	if err != nil {
		return nil, err
	}
	defer remove()
	ctx, cancel := context.WithTimeout(ctx, mediaTimeout)
	defer cancel()
	ctx, noted := withOutcome(ctx)
	var to whatsmeow.File = file
	if params.MaxBytes > 0 {
		// The ciphertext has up to one block of padding and a 10-byte MAC more.
		to = limitedFile{file, params.MaxBytes + 32}
	}
	if err := s.client.DownloadToFile(ctx, attachment, to); err != nil {
		return nil, noted.correct(err)
	}
	return b.media.finish(file, name, target)
}

// finish hashes a part, puts it on disk for good and gives it its name.
func (m *mediaDir) finish(file *os.File, name, target string) (downloadResult, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return downloadResult{}, err
	}
	hash := sha256.New()
	size, err := io.Copy(hash, file)
	if err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = file.Close() // Windows renames no open file
	}
	if err == nil {
		err = m.root.Rename(name, target)
	}
	if err != nil {
		return downloadResult{}, newError(codeMediaPath, "cannot write the file: %v", strings.ReplaceAll(err.Error(), name, "…"))
	}
	return downloadResult{Size: size, SHA256: hash.Sum(nil)}, nil
}

// attachmentOf returns the first downloadable part of a message, nil if there is none.
func attachmentOf(message *waE2E.Message) whatsmeow.DownloadableMessage {
	switch {
	case message.GetImageMessage() != nil:
		return message.GetImageMessage()
	case message.GetVideoMessage() != nil:
		return message.GetVideoMessage()
	case message.GetPtvMessage() != nil:
		return message.GetPtvMessage()
	case message.GetAudioMessage() != nil:
		return message.GetAudioMessage()
	case message.GetDocumentMessage() != nil:
		return message.GetDocumentMessage()
	case message.GetStickerMessage() != nil:
		return message.GetStickerMessage()
	default:
		return nil
	}
}
