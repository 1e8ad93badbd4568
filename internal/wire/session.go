package wire

import (
	"errors"
	"fmt"
	"strings"

	"castnet/transcoder"
)

// SessionVersion is the version of the transcoder messages that this code speaks.
const SessionVersion = 1

const (
	maxIDBytes     = 256
	maxReasonBytes = 1024
	minAudioRate   = 6_000 // Opus' lowest
	maxAudioRate   = 512_000
	maxDevices     = 255
)

// EncodeOpen makes the first message of a session.
func EncodeOpen(cfg transcoder.SessionConfig) *OpenSession {
	m := &OpenSession{Version: SessionVersion, Id: cfg.ID, Customer: cfg.Customer, Ladder: EncodeLadder(cfg.Ladder)}
	if a := cfg.Audio; a != nil {
		m.Audio = &AudioJob{From: EncodeTrack(a.From), Codec: uint32(a.Codec), Bitrate: uint32(a.Bitrate)}
	}
	if s := cfg.Still; s != nil {
		m.Still = &StillJob{From: EncodeTrack(s.From), Width: uint32(s.Width), Height: uint32(s.Height)}
	}
	if a := cfg.Audit; a != nil {
		m.Audit = &AuditJob{Source: EncodeTrack(a.Source), Rendition: EncodeTrack(a.Rendition)}
	}
	if d := cfg.Device; d != (transcoder.Device{}) {
		m.Device = &Device{Backend: string(d.Backend), Index: uint32(d.Index)}
	}
	return m
}

// DecodeOpen checks and converts the first message of a session.
func DecodeOpen(m *OpenSession) (transcoder.SessionConfig, error) {
	cfg := transcoder.SessionConfig{ID: m.GetId(), Customer: m.GetCustomer()}
	if m.GetVersion() != SessionVersion {
		return cfg, invalid("version %d of the transcoder messages: this side speaks %d", m.GetVersion(), SessionVersion)
	}
	if most := max(len(cfg.ID), len(cfg.Customer)); most > maxIDBytes {
		return cfg, invalid("session id or customer of %d bytes: allowed are %d", most, maxIDBytes)
	}
	var err error
	if cfg.Device, err = decodeDevice(m.GetDevice()); err != nil {
		return cfg, err
	}
	switch {
	case m.GetAudio() != nil:
		cfg.Audio, err = decodeAudioJob(m.GetAudio())
	case m.GetStill() != nil:
		cfg.Still, err = decodeStillJob(m.GetStill())
	case m.GetAudit() != nil:
		cfg.Audit, err = decodeAuditJob(m.GetAudit())
	default:
		cfg.Ladder, err = DecodeLadder(m.GetLadder())
	}
	return cfg, err
}

func decodeDevice(m *Device) (transcoder.Device, error) {
	d := transcoder.Device{Backend: transcoder.Backend(m.GetBackend()), Index: int(m.GetIndex())}
	switch d.Backend {
	case "", transcoder.Software, transcoder.Nvidia, transcoder.NvidiaDecode:
	default:
		return d, invalid("back end %q: known are %s, %s, %s", clip(m.GetBackend()), transcoder.Software, transcoder.Nvidia, transcoder.NvidiaDecode)
	}
	if d.Index > maxDevices {
		return d, invalid("device %d: allowed are 0 to %d", d.Index, maxDevices)
	}
	return d, nil
}

func decodeStillJob(m *StillJob) (*transcoder.StillJob, error) {
	from, err := DecodeTrack(m.GetFrom())
	if err != nil {
		return nil, err
	}
	w, h := m.GetWidth(), m.GetHeight()
	if !from.Codec.IsVideo() || min(w, h) < transcoder.MinDimension || max(w, h) > transcoder.MaxDimension {
		return nil, invalid("still of %v at %dx%d: allowed are video, and %d to %d each way",
			from.Codec, w, h, transcoder.MinDimension, transcoder.MaxDimension)
	}
	return &transcoder.StillJob{From: from, Width: int(w), Height: int(h)}, nil
}

func decodeAuditJob(m *AuditJob) (*transcoder.AuditJob, error) {
	source, err := DecodeTrack(m.GetSource())
	if err != nil {
		return nil, err
	}
	rendition, err := DecodeTrack(m.GetRendition())
	if err != nil {
		return nil, err
	}
	if !source.Codec.IsVideo() || !rendition.Codec.IsVideo() {
		return nil, invalid("audit of %v beside %v: only video is compared", rendition.Codec, source.Codec)
	}
	return &transcoder.AuditJob{Source: source, Rendition: rendition}, nil
}

func decodeAudioJob(m *AudioJob) (*transcoder.AudioJob, error) {
	from, err := DecodeTrack(m.GetFrom())
	if err != nil {
		return nil, err
	}
	to, err := decodeCodec(m.GetCodec())
	if err != nil {
		return nil, err
	}
	switch {
	case !from.Codec.IsAudio() || !to.IsAudio():
		return nil, invalid("audio job from %v to %v", from.Codec, to)
	case m.GetBitrate() < minAudioRate || m.GetBitrate() > maxAudioRate:
		return nil, invalid("audio bitrate %d b/s: allowed are %d to %d", m.GetBitrate(), minAudioRate, maxAudioRate)
	}
	return &transcoder.AudioJob{From: from, Codec: to, Bitrate: int(m.GetBitrate())}, nil
}

// EncodeInput makes the message of one input.
func EncodeInput(in transcoder.Input) (*ToTranscoder, error) {
	switch in := in.(type) {
	case transcoder.StartSegment:
		return &ToTranscoder{Message: &ToTranscoder_StartSegment{EncodeStartSegment(in)}}, nil
	case transcoder.WriteUnit:
		return &ToTranscoder{Message: &ToTranscoder_Unit{EncodeWriteUnit(in)}}, nil
	case transcoder.WriteRendition:
		return &ToTranscoder{Message: &ToTranscoder_Rendition{EncodeUnit(in.Unit)}}, nil
	case transcoder.EndSegment:
		m := &EndSegment{Seq: in.Seq, Attempt: in.Attempt, Drain: in.Drain}
		return &ToTranscoder{Message: &ToTranscoder_EndSegment{m}}, nil
	case transcoder.RequestKey:
		return &ToTranscoder{Message: &ToTranscoder_RequestKey{EncodeRequestKey(in)}}, nil
	case transcoder.CancelSegment:
		return &ToTranscoder{Message: &ToTranscoder_CancelSegment{EncodeCancelSegment(in)}}, nil
	}
	return nil, invalid("no message for input %T", in)
}

// DecodeInput checks and converts any message to a transcoder but OpenSession, which comes first and once.
func DecodeInput(m *ToTranscoder) (transcoder.Input, error) {
	switch m := m.GetMessage().(type) {
	case *ToTranscoder_StartSegment:
		return DecodeStartSegment(m.StartSegment)
	case *ToTranscoder_Unit:
		return DecodeWriteUnit(m.Unit)
	case *ToTranscoder_Rendition:
		u, err := DecodeUnit(m.Rendition)
		return transcoder.WriteRendition{Unit: u}, err
	case *ToTranscoder_EndSegment:
		e := m.EndSegment
		return transcoder.EndSegment{Seq: e.GetSeq(), Attempt: e.GetAttempt(), Drain: e.GetDrain()}, nil
	case *ToTranscoder_RequestKey:
		return DecodeRequestKey(m.RequestKey)
	case *ToTranscoder_CancelSegment:
		return DecodeCancelSegment(m.CancelSegment), nil
	}
	return nil, invalid("unexpected message %T to a transcoder", m.GetMessage())
}

// EncodeStartSegment makes the message that opens a segment.
func EncodeStartSegment(s transcoder.StartSegment) *StartSegment {
	return &StartSegment{
		Seq: s.Seq, Attempt: s.Attempt, FirstPts: s.FirstPTS, Track: EncodeTrack(s.Track), Fresh: s.Fresh,
		ResumeAfter: s.ResumeAfter, Resume: s.ResumeAfter != nil,
	}
}

// DecodeStartSegment checks and converts the message that opens a segment.
func DecodeStartSegment(m *StartSegment) (transcoder.StartSegment, error) {
	s := transcoder.StartSegment{
		Seq: m.GetSeq(), Attempt: m.GetAttempt(), FirstPTS: m.GetFirstPts(), Fresh: m.GetFresh(),
	}
	track, err := DecodeTrack(m.GetTrack())
	if err != nil {
		return s, fmt.Errorf("segment %d: %w", s.Seq, err)
	}
	if !track.Codec.IsVideo() {
		return s, invalid("segment %d of %v: only video has segments", s.Seq, track.Codec)
	}
	s.Track = track
	if err := ladderPTS(m.GetResumeAfter()); err != nil {
		return s, fmt.Errorf("segment %d: %w", s.Seq, err)
	}
	if m.GetResume() {
		s.ResumeAfter = m.GetResumeAfter()
	}
	return s, nil
}

// EncodeWriteUnit makes the message of one coded source picture, sharing its payload.
func EncodeWriteUnit(w transcoder.WriteUnit) *WriteUnit {
	return &WriteUnit{Unit: EncodeUnit(w.Unit), Prefix: w.Prefix}
}

// DecodeWriteUnit checks and converts one coded source picture, sharing its payload.
func DecodeWriteUnit(m *WriteUnit) (transcoder.WriteUnit, error) {
	u, err := DecodeUnit(m.GetUnit())
	return transcoder.WriteUnit{Unit: u, Prefix: m.GetPrefix()}, err
}

// EncodeRequestKey makes the message that asks for an IDR.
func EncodeRequestKey(r transcoder.RequestKey) *RequestKey {
	return &RequestKey{Rendition: uint32(r.Rendition)}
}

// DecodeRequestKey checks and converts the message that asks for an IDR. Whether the ladder has the rendition is the
// reader's to check.
func DecodeRequestKey(m *RequestKey) (transcoder.RequestKey, error) {
	r, err := decodeRendition(m.GetRendition())
	return transcoder.RequestKey{Rendition: r}, err
}

// EncodeCancelSegment makes the message that abandons a segment.
func EncodeCancelSegment(c transcoder.CancelSegment) *CancelSegment {
	return &CancelSegment{Seq: c.Seq, Attempt: c.Attempt}
}

// DecodeCancelSegment converts the message that abandons a segment.
func DecodeCancelSegment(m *CancelSegment) transcoder.CancelSegment {
	return transcoder.CancelSegment{Seq: m.GetSeq(), Attempt: m.GetAttempt()}
}

// EncodeOutput makes the message of one output.
func EncodeOutput(out transcoder.Output) (*FromTranscoder, error) {
	switch out := out.(type) {
	case transcoder.Rendered:
		return &FromTranscoder{Message: &FromTranscoder_Unit{EncodeRendered(out)}}, nil
	case transcoder.SegmentDone:
		m := &SegmentDone{
			Seq: out.Seq, Attempt: out.Attempt, Width: uint32(out.Width), Height: uint32(out.Height),
			Frames: uint32(out.Frames), PrefixFrames: uint32(out.PrefixFrames),
		}
		return &FromTranscoder{Message: &FromTranscoder_SegmentDone{m}}, nil
	case transcoder.Progress:
		return &FromTranscoder{Message: &FromTranscoder_Progress{EncodeProgress(out)}}, nil
	case transcoder.BadInput:
		m := &InputRefused{Seq: out.Seq, Attempt: out.Attempt, Pts: out.PTS, Reason: clip(out.Reason)}
		return &FromTranscoder{Message: &FromTranscoder_BadInput{m}}, nil
	case transcoder.Compared:
		m := &Compared{Pts: out.PTS, Source: out.Source, Rendition: out.Rendition}
		return &FromTranscoder{Message: &FromTranscoder_Compared{m}}, nil
	}
	return nil, invalid("no message for output %T", out)
}

// DecodeOutput checks and converts any message from a transcoder but SessionOpened and SessionFailed.
func DecodeOutput(m *FromTranscoder) (transcoder.Output, error) {
	switch m := m.GetMessage().(type) {
	case *FromTranscoder_Unit:
		return DecodeRendered(m.Unit)
	case *FromTranscoder_SegmentDone:
		d := m.SegmentDone
		if max(d.GetWidth(), d.GetHeight()) > transcoder.MaxDimension {
			return nil, invalid("source of %dx%d", d.GetWidth(), d.GetHeight())
		}
		return transcoder.SegmentDone{
			Seq: d.GetSeq(), Attempt: d.GetAttempt(), Width: int(d.GetWidth()), Height: int(d.GetHeight()),
			Frames: int(d.GetFrames()), PrefixFrames: int(d.GetPrefixFrames()),
		}, nil
	case *FromTranscoder_Progress:
		return DecodeProgress(m.Progress)
	case *FromTranscoder_BadInput:
		b := m.BadInput
		return transcoder.BadInput{
			Seq: b.GetSeq(), Attempt: b.GetAttempt(), PTS: b.GetPts(), Reason: clip(b.GetReason()),
		}, nil
	case *FromTranscoder_Compared:
		c := m.Compared
		if thumb := transcoder.ThumbWidth * transcoder.ThumbHeight; len(c.GetSource()) != thumb || len(c.GetRendition()) != thumb {
			return nil, invalid("thumbnails of %d and %d samples: they have %d", len(c.GetSource()), len(c.GetRendition()), thumb)
		}
		return transcoder.Compared{PTS: c.GetPts(), Source: c.GetSource(), Rendition: c.GetRendition()}, nil
	}
	return nil, invalid("unexpected message %T from a transcoder", m.GetMessage())
}

// EncodeRendered makes the message of one rendition unit, sharing its payload.
func EncodeRendered(r transcoder.Rendered) *Rendered {
	return &Rendered{Seq: r.Seq, Attempt: r.Attempt, Rendition: uint32(r.Rendition), Unit: EncodeUnit(r.Unit)}
}

// DecodeRendered checks and converts one rendition unit, sharing its payload. Whether the ladder has the rendition is
// the reader's to check.
func DecodeRendered(m *Rendered) (transcoder.Rendered, error) {
	r := transcoder.Rendered{Seq: m.GetSeq(), Attempt: m.GetAttempt()}
	var err error
	if r.Rendition, err = decodeRendition(m.GetRendition()); err != nil {
		return r, err
	}
	r.Unit, err = DecodeUnit(m.GetUnit())
	return r, err
}

// EncodeProgress makes the message of a worker's progress.
func EncodeProgress(p transcoder.Progress) *Progress {
	return &Progress{Seq: p.Seq, Attempt: p.Attempt, DecodedPts: p.DecodedPTS, OutputPts: p.OutputPTS}
}

// DecodeProgress checks and converts a worker's progress.
func DecodeProgress(m *Progress) (transcoder.Progress, error) {
	return transcoder.Progress{
		Seq: m.GetSeq(), Attempt: m.GetAttempt(), DecodedPTS: m.GetDecodedPts(), OutputPTS: m.GetOutputPts(),
	}, ladderPTS(m.GetOutputPts())
}

// EncodeOpened makes the reply to OpenSession.
func EncodeOpened() *FromTranscoder {
	return &FromTranscoder{Message: &FromTranscoder_Opened{&SessionOpened{Version: SessionVersion}}}
}

// EncodeFailed makes the message that ends a session, in words for people, and says whether the work may go on elsewhere.
func EncodeFailed(reason error) *FromTranscoder {
	return &FromTranscoder{Message: &FromTranscoder_Failed{&SessionFailed{
		Reason: clip(reason.Error()), Busy: errors.Is(reason, transcoder.ErrBusy), Device: errors.Is(reason, transcoder.ErrDevice),
	}}}
}

// DecodeOpened reads the reply to OpenSession. A refusal is an error (transcoder.ErrBusy where there was no headroom).
func DecodeOpened(m *FromTranscoder) error {
	switch m := m.GetMessage().(type) {
	case *FromTranscoder_Opened:
		if v := m.Opened.GetVersion(); v != SessionVersion {
			return invalid("version %d of the transcoder messages: this side speaks %d", v, SessionVersion)
		}
		return nil
	case *FromTranscoder_Failed:
		return DecodeFailed(m.Failed)
	}
	return invalid("unexpected message %T in reply to OpenSession", m.GetMessage())
}

// DecodeFailed converts a refusal into an error.
func DecodeFailed(m *SessionFailed) error {
	reason := clip(m.GetReason())
	switch {
	case m.GetBusy():
		return again(transcoder.ErrBusy, reason)
	case m.GetDevice():
		return again(transcoder.ErrDevice, reason)
	}
	return fmt.Errorf("session ended by the transcoder: %s", reason)
}

// again makes an error of a kind out of its text, which begins with the kind's own.
func again(kind error, text string) error {
	text = strings.TrimPrefix(strings.TrimPrefix(text, kind.Error()), ": ")
	return fmt.Errorf("%w: %s", kind, text)
}

// clip bounds text for people, which may hold anything where it quotes a stream: a protobuf string must be UTF-8.
func clip(s string) string {
	return strings.ToValidUTF8(s[:min(len(s), maxReasonBytes)], "?")
}
