package av

import (
	"errors"

	"castnet/transcoder"
)

func newAudio(*transcoder.AudioJob) (runner, error) { return nil, errors.New("not yet") }
