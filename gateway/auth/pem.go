package auth

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// minRSA is the least size of an RSA key (RFC 7518, section 3.3).
const minRSA = 2048

// ParseKeys reads public keys, or certificates, in PEM, for an algorithm.
func ParseKeys(text, algorithm string) (keys []crypto.PublicKey, err error) {
	for block, rest := pem.Decode([]byte(text)); block != nil; block, rest = pem.Decode(rest) {
		key, err := parseBlock(block)
		if err != nil {
			return nil, err
		}
		switch k := key.(type) {
		case *rsa.PublicKey:
			if algorithm != "RS256" {
				return nil, errors.New("an RSA key is for RS256")
			}
			if k.N.BitLen() < minRSA {
				return nil, fmt.Errorf("an RSA key has %d bits; at least %d are safe", k.N.BitLen(), minRSA)
			}
		case ed25519.PublicKey:
			if algorithm != "EdDSA" {
				return nil, errors.New("an Ed25519 key is for EdDSA")
			}
		default:
			return nil, errors.New("a key is neither RSA nor Ed25519")
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no PEM block with a public key")
	}
	return keys, nil
}

func parseBlock(block *pem.Block) (crypto.PublicKey, error) {
	switch block.Type {
	case "PUBLIC KEY":
		return x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		return x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		return certificate.PublicKey, nil
	}
	return nil, fmt.Errorf("a PEM block is a %s; it must be a public key: a private one never belongs here", block.Type)
}
