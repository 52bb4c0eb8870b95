package app

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"reflect"
	"strings"
)

// fileSuffix behind the name of a setting names a file that holds its value, so
// that a secret need not stand in the environment.
const fileSuffix = "_FILE"

// maxSecretFile bounds what is read of such a file.
const maxSecretFile = 1 << 20

// fromFile reports whether a setting can come from a file. What can is never
// printed.
func fromFile(f reflect.StructField) bool {
	return f.Tag.Get("secret") != "" || f.Tag.Get("file") != ""
}

// readFiles sets the variables whose values stand in files, and returns what is
// wrong with the files.
func readFiles(vars map[string]string) (mistakes []error) {
	for f := range fields() {
		name := prefix + f.Tag.Get("env")
		path := vars[name+fileSuffix]
		if !fromFile(f) || path == "" {
			continue
		}
		if vars[name] != "" {
			mistakes = append(mistakes, fmt.Errorf("%s%s=%q: must be empty where %s is set", name, fileSuffix, path, name))
			continue
		}
		value, err := readSecret(path)
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s%s=%q: must be a file that can be read and holds the value: %w", name, fileSuffix, path, err))
			continue
		}
		if f.Type.Kind() == reflect.Slice {
			value = strings.Join(strings.Fields(value), ",")
		}
		vars[name] = value
	}
	return mistakes
}

func readSecret(path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", reason(err)
	case info.Size() > maxSecretFile:
		return "", fmt.Errorf("it has more than %d bytes", maxSecretFile)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", reason(err)
	}
	value := strings.TrimSpace(string(data))
	if value == "" {
		return "", errors.New("it is empty")
	}
	return value, nil
}

// reason is an error of a file without its path, which is told already.
func reason(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// readRoots reads the certificates of a file; nil, which is the system's, if
// there is none.
func readRoots(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	text, err := readSecret(path)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(text)) {
		return nil, errors.New("it holds no certificate")
	}
	return roots, nil
}

func password(u *url.URL) string {
	p, _ := u.User.Password()
	return p
}
