package node

import (
	"context"
	"errors"
	"io"
)

// PublishConfig is the command `castnet publish`.
type PublishConfig struct {
	URL string `required:"" name:"url" help:"Publish to this RTMP address." placeholder:"URL"`
}

// RunPublish publishes until ctx ends.
func RunPublish(ctx context.Context, cfg PublishConfig, logs io.Writer) error {
	return errors.New("not built yet")
}
