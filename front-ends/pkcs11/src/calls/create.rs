use std::sync::Arc;

use claviger_client::{ByteBuf, CertificateOptions, Error, ErrorName};
use claviger_token::Usage;
use cryptoki_sys as sys;

use super::keys::check_secret;
use crate::certificate::Certificate;
use crate::key::Key;
use crate::objects::{self, Object};
use crate::rv::{Answer, Rv};
use crate::session::View;
use crate::state::Module;
use crate::template::Template;

impl Module {
    /// Takes an object in: a key's certificate, a private key for good; a public or secret key for the session.
    ///
    /// # Errors
    /// Those of `C_CreateObject`.
    pub(crate) fn create(
        &self,
        session: sys::CK_SESSION_HANDLE,
        template: Template,
    ) -> Answer<sys::CK_OBJECT_HANDLE> {
        let view = self.world().view(session)?;
        match template.number(sys::CKA_CLASS)?.ok_or(Rv::TEMPLATE_INCOMPLETE)? {
            sys::CKO_CERTIFICATE => self.create_certificate(&view, &template),
            sys::CKO_PRIVATE_KEY => self.create_private_key(&view, &template),
            sys::CKO_PUBLIC_KEY => self.create_public_key(session, &view, template),
            sys::CKO_SECRET_KEY => {
                let length = check_secret(&template)?;
                let value = template.required(sys::CKA_VALUE)?.to_vec();
                let value = zeroize::Zeroizing::new(value);
                if length.is_some_and(|length| length != value.len()) {
                    return Err(Rv::TEMPLATE_INCONSISTENT);
                }
                self.keep_secret(session, &value, template)
            }
            // Data and the like: a key store keeps keys.
            _ => Err(Rv::TEMPLATE_INCONSISTENT),
        }
    }

    /// Makes a key pair, and returns its public and its private half.
    ///
    /// # Errors
    /// Those of `C_GenerateKeyPair`.
    pub(crate) fn generate(
        &self,
        session: sys::CK_SESSION_HANDLE,
        mechanism: sys::CK_MECHANISM_TYPE,
        public: &Template,
        private: &Template,
    ) -> Answer<(sys::CK_OBJECT_HANDLE, sys::CK_OBJECT_HANDLE)> {
        let view = self.world().view(session)?;
        let algorithm = objects::algorithm(mechanism, public)?;
        check_writable(&view)?;
        if !view.slot.row.generates.iter().any(|name| name == algorithm.name()) {
            return Err(Rv::MECHANISM_INVALID);
        }
        let options = objects::options(&view.slot, algorithm.usage(), private, public)?;
        let made = self.store().generate_key(algorithm.name(), &options);
        let key = made.map_err(|error| self.not_written(&view, error))?;
        self.halves(&view, &key)
    }

    /// Returns the code of a key that a slot does not take. On a card only who has its management key or Admin PIN makes
    /// keys, for which PKCS#11 has no words: what is there for such a program is a token that is not written to.
    fn not_written(&self, view: &View, error: Error) -> Rv {
        match error.name() {
            Some(ErrorName::AccessDenied | ErrorName::NotSupported) if view.slot.row.kind == "card" => {
                Rv::TOKEN_WRITE_PROTECTED
            }
            Some(_) | None => self.failed(view.slot.id, error.into()),
        }
    }

    /// Returns the halves of a key that just came.
    fn halves(&self, view: &View, key: &str) -> Answer<(sys::CK_OBJECT_HANDLE, sys::CK_OBJECT_HANDLE)> {
        self.renew()?;
        let world = self.world();
        let half = |class| world.objects.half(view.slot.id, class, key).ok_or(Rv::DEVICE_ERROR);
        Ok((half(sys::CKO_PUBLIC_KEY)?, half(sys::CKO_PRIVATE_KEY)?))
    }

    fn create_private_key(&self, view: &View, template: &Template) -> Answer<sys::CK_OBJECT_HANDLE> {
        // What its key store takes in it does not give out again, whatever the template says.
        let all = Usage { sign: true, decrypt: true, derive: true };
        let options = objects::options(&view.slot, all, &imported(template)?, template)?;
        let private_key = objects::pkcs8(template)?;
        check_writable(view)?;
        let taken = self.store().import_key(&private_key, &options);
        let key = taken.map_err(|error| self.not_written(view, error))?;
        Ok(self.halves(view, &key)?.1)
    }

    /// A public key lives in the session; but where it is the public half of a key that is there, that is it.
    fn create_public_key(
        &self,
        session: sys::CK_SESSION_HANDLE,
        view: &View,
        template: Template,
    ) -> Answer<sys::CK_OBJECT_HANDLE> {
        let key = objects::public_key(&template)?;
        if template.flag(sys::CKA_TOKEN)? == Some(true) {
            self.renew()?;
            let world = self.world();
            let slot = world.slot(view.slot.id).map_err(|_| Rv::DEVICE_REMOVED)?;
            let same = slot.keys.iter().find(|known| *known.public() == key);
            let half = same.and_then(|known| world.objects.half(slot.id, sys::CKO_PUBLIC_KEY, known.id()));
            return half.ok_or(Rv::TEMPLATE_INCONSISTENT);
        }
        let object = Object::SessionPublicKey(Arc::new(key), Arc::new(template));
        self.keep_object(session, object)
    }

    /// A certificate comes to the key that it is for; one that is for none comes to the chains that it continues.
    fn create_certificate(&self, view: &View, template: &Template) -> Answer<sys::CK_OBJECT_HANDLE> {
        if template.number(sys::CKA_CERTIFICATE_TYPE)?.is_some_and(|kind| kind != sys::CKC_X_509)
            || template.flag(sys::CKA_TOKEN)? != Some(true)
        {
            return Err(Rv::TEMPLATE_INCONSISTENT);
        }
        let value = template.required(sys::CKA_VALUE)?;
        let certificate = Certificate::parse(value).ok_or(Rv::ATTRIBUTE_VALUE_INVALID)?;
        check_writable(view)?;
        self.renew()?;
        let slot = self.world().slot(view.slot.id).map_err(|_| Rv::DEVICE_REMOVED)?;
        let is_for = |key: &&Arc<Key>| key.public().spki() == certificate.public_key;
        let set = match slot.keys.iter().find(is_for) {
            Some(key) => self.set_own(key, value),
            None => self.append(&slot.keys, &certificate)?,
        };
        set.map_err(|error| self.failed(slot.id, error.into()))?;
        self.renew()?;
        let chains = crate::chains::fetched(self.store(), &slot).unwrap_or_default();
        let mut world = self.world();
        world.renew_chains(&chains);
        world.objects.certificate(slot.id, value).ok_or(Rv::DEVICE_ERROR)
    }

    /// Gives a key its certificate. What stood above the one before stays where it still fits.
    fn set_own(&self, key: &Key, value: &[u8]) -> Result<(), claviger_client::Error> {
        let above = self.store().certificates(key.id())?.into_iter().skip(1).collect::<Vec<_>>();
        let issuer = Certificate::parse(value).map(|certificate| certificate.issuer);
        let first = above.first().and_then(|first| Certificate::parse(first));
        let fits = first.is_some_and(|first| Some(first.subject) == issuer);
        let chain = fits.then(|| above.into_iter().map(ByteBuf::from).collect());
        self.store().set_certificate(key.id(), value, &CertificateOptions { chain, authority: None })
    }

    /// Appends a certificate to the chains whose last one it issued.
    ///
    /// # Errors
    /// `CKR_TEMPLATE_INCONSISTENT` where there is none such: a certificate without a key is not kept.
    fn append(
        &self,
        keys: &[Arc<Key>],
        certificate: &Certificate,
    ) -> Answer<Result<(), claviger_client::Error>> {
        let mut appended = false;
        for key in keys.iter().filter(|key| key.row().certificate.is_some()) {
            let chain = self.store().certificates(key.id())?;
            let last = chain.last().and_then(|last| Certificate::parse(last));
            let continues = last.is_some_and(|last| {
                last.issuer == certificate.subject && last.subject != certificate.subject
            });
            let Some((own, above)) = chain.split_first().filter(|_| continues) else { continue };
            let above = above.iter().chain([&certificate.value]).cloned().map(ByteBuf::from).collect();
            let options = CertificateOptions { chain: Some(above), authority: None };
            self.store().set_certificate(key.id(), own, &options)?;
            appended = true;
        }
        if appended { Ok(Ok(())) } else { Err(Rv::TEMPLATE_INCONSISTENT) }
    }
}

/// Refuses what changes a token in a session that may not, or where nobody is logged in.
pub(super) fn check_writable(view: &View) -> Answer<()> {
    match (view.writable, view.is_user) {
        (false, _) => Err(Rv::SESSION_READ_ONLY),
        (true, false) => Err(Rv::USER_NOT_LOGGED_IN),
        (true, true) => Ok(()),
    }
}

/// Returns the template of a private key that is taken in, without what it says of ways out.
fn imported(template: &Template) -> Answer<Template> {
    let ways_out = [sys::CKA_EXTRACTABLE, sys::CKA_SENSITIVE, sys::CKA_PRIVATE];
    let kept = template.iter().filter(|(kind, _)| !ways_out.contains(kind));
    Template::new(kept.map(|(kind, value)| (kind, value.to_vec().into())).collect())
}
