package app

import (
	"bytes"
	"os"
	"testing"
)

func TestEnvFileIsMadeFromTheSettings(t *testing.T) {
	var want bytes.Buffer
	WriteEnv(&want)
	got, err := os.ReadFile("../../configs/gateway.env")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Error("configs/gateway.env is not what the settings say; run: make generate")
	}
}
