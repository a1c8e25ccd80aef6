# Claviger: what one types. Each target is a script in tests/scripts; they say what they do as they go.

PREFIX ?= /usr
DESTDIR ?=
FUZZ_SECONDS ?= 60

.PHONY: help build demo check bench run fuzz phone-arm64 install deb clean

help:
	@echo 'make demo      a key, two signatures, and openssl agreeing, on a private bus'
	@echo 'make check     everything that must hold: format, lints, tests, docs, licences'
	@echo 'make bench     speed and memory, beside their floors and peers'
	@echo 'make run       the daemon on the session bus, to try it out by hand'
	@echo 'make fuzz      mutates the outside bytes, FUZZ_SECONDS for each parser'
	@echo 'make phone-arm64  claviger-phone for Linux phones and the Raspberry Pi'
	@echo 'make install   DESTDIR= PREFIX=/usr'
	@echo 'make deb       target/debian/claviger_*.deb, claviger-phone_*.deb'
	@echo 'make clean'

build:
	@tests/scripts/setup.sh
	cargo build --release --locked -p clavigerd -p claviger -p claviger-opensc -p claviger-prompter -p claviger-pam -p claviger-pkcs11 -p claviger-ssh-agent -p claviger-phone

demo:
	@tests/scripts/demo.sh

check:
	@tests/scripts/check.sh

bench:
	@tests/scripts/setup.sh
	cargo build --release --locked -p clavigerd -p claviger -p claviger-opensc -p claviger-prompter -p claviger-pam -p claviger-pkcs11 -p claviger-ssh-agent -p claviger-phone -p claviger-bench
	cargo build --release --locked -p claviger-tests --bin foreign-card-user --bin timed-login
	CLAVIGER_BIN_DIR=$(CURDIR)/target/release target/release/claviger-bench

run:
	@tests/scripts/run.sh

fuzz:
	@tests/scripts/fuzz.sh $(FUZZ_SECONDS)

phone-arm64:
	@tests/scripts/phone-arm64.sh

install:
	@DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' tests/scripts/install.sh
	@DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' tests/scripts/install-phone.sh

deb: build
	@tests/scripts/deb.sh
	@tests/scripts/deb.sh claviger-phone

clean:
	cargo clean
	rm -rf tests/fuzz/target
