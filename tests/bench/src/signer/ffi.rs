//! As much of a module as a program needs that signs.
//!
//! Not by the crate `cryptoki`: it always asks for the length first. And not beside it: each list of functions that p11-kit's
//! client gives is initialized for itself.

#![expect(unsafe_code, reason = "functions of a library that is loaded")]

use std::path::Path;
use std::ptr::null_mut;

use cryptoki_sys as sys;
use libloading::{Library, Symbol};

use super::said;
use crate::error::Error;

/// A session: a number that the module looks up.
pub(super) type Session = sys::CK_SESSION_HANDLE;

/// What is signed with: a mechanism without a parameter, and a private key.
#[derive(Clone, Copy)]
pub(super) struct Deed {
    pub(super) mechanism: sys::CK_MECHANISM_TYPE,
    pub(super) key: sys::CK_OBJECT_HANDLE,
    /// Asks for the length first, as programs do that know no mechanism by name.
    pub(super) asks: bool,
}

/// A module, initialized once. The process ends with it.
pub(super) struct Module {
    functions: sys::CK_FUNCTION_LIST,
    // The functions are in it.
    _library: Library,
}

/// Calls a function of a module, which must say `CKR_OK`.
macro_rules! call {
    ($module:ident.$name:ident($($argument:expr),* $(,)?)) => {
        match $module.functions.$name {
            None => Err(said(concat!("no ", stringify!($name)))),
            // SAFETY: handles are numbers that the module looks up; every pointer here is to something that stands until
            // the call returns, and comes with its length where it has one.
            Some(function) => match unsafe { function($($argument),*) } {
                sys::CKR_OK => Ok(()),
                code => Err(said(&format!(concat!("{:#x} to ", stringify!($name)), code))),
            },
        }
    };
}

impl Module {
    /// Loads it and initializes it.
    pub(super) fn load(path: &Path) -> Result<Self, Error> {
        let refused = |error: libloading::Error| said(&error.to_string());
        // SAFETY: a module's constructors want nothing of who loads it.
        let library = unsafe { Library::new(path) }.map_err(refused)?;
        // SAFETY: the standard gives the function of this name that type.
        let list: Symbol<'_, unsafe extern "C" fn(*mut *mut sys::CK_FUNCTION_LIST) -> sys::CK_RV> =
            unsafe { library.get(b"C_GetFunctionList\0") }.map_err(refused)?;
        let mut functions = null_mut();
        // SAFETY: it is given a place for one pointer.
        let code = unsafe { list(&raw mut functions) };
        // SAFETY: null, or the module's own list, which stands as long as the module is loaded.
        let functions = match (code, unsafe { functions.as_ref() }) {
            (sys::CKR_OK, Some(functions)) => *functions,
            (code, _) => return Err(said(&format!("{code:#x} to C_GetFunctionList"))),
        };
        let module = Self { functions, _library: library };
        let mut arguments = sys::CK_C_INITIALIZE_ARGS {
            CreateMutex: None,
            DestroyMutex: None,
            LockMutex: None,
            UnlockMutex: None,
            flags: sys::CKF_OS_LOCKING_OK,
            pReserved: null_mut(),
        };
        call!(module.C_Initialize((&raw mut arguments).cast()))?;
        Ok(module)
    }

    /// Returns the slots with a token whose user has a PIN: SoftHSM2 shows an empty one as well.
    pub(super) fn slots(&self) -> Result<Vec<sys::CK_SLOT_ID>, Error> {
        let (mut slots, mut count) = ([0; MANY], MANY as sys::CK_ULONG);
        call!(self.C_GetSlotList(sys::CK_TRUE, slots.as_mut_ptr(), &raw mut count))?;
        let mut found = Vec::new();
        for &slot in slots.iter().take(count as usize) {
            let mut info = sys::CK_TOKEN_INFO::default();
            call!(self.C_GetTokenInfo(slot, &raw mut info))?;
            if info.flags & sys::CKF_USER_PIN_INITIALIZED != 0 {
                found.push(slot);
            }
        }
        Ok(found)
    }

    /// Opens a session that changes nothing.
    pub(super) fn session(&self, slot: sys::CK_SLOT_ID) -> Result<Session, Error> {
        let mut session = 0;
        call!(self.C_OpenSession(slot, sys::CKF_SERIAL_SESSION, null_mut(), None, &raw mut session))?;
        Ok(session)
    }

    /// Logs in, for all sessions of this process.
    pub(super) fn login(&self, session: Session, pin: &str) -> Result<(), Error> {
        let (pin, length) = (pin.as_ptr().cast_mut(), pin.len() as sys::CK_ULONG);
        call!(self.C_Login(session, sys::CKU_USER, pin, length))
    }

    /// Returns the objects of a class and a type of key.
    pub(super) fn find(
        &self,
        session: Session,
        mut class: sys::CK_OBJECT_CLASS,
        mut kind: sys::CK_KEY_TYPE,
    ) -> Result<Vec<sys::CK_OBJECT_HANDLE>, Error> {
        let attribute = |name, value: *mut sys::CK_ULONG| sys::CK_ATTRIBUTE {
            type_: name,
            pValue: value.cast(),
            ulValueLen: size_of::<sys::CK_ULONG>() as sys::CK_ULONG,
        };
        let mut template =
            [attribute(sys::CKA_CLASS, &raw mut class), attribute(sys::CKA_KEY_TYPE, &raw mut kind)];
        call!(self.C_FindObjectsInit(session, template.as_mut_ptr(), template.len() as sys::CK_ULONG))?;
        let (mut objects, mut count) = ([0; MANY], 0);
        let room = MANY as sys::CK_ULONG;
        call!(self.C_FindObjects(session, objects.as_mut_ptr(), room, &raw mut count))?;
        call!(self.C_FindObjectsFinal(session))?;
        Ok(objects[..(count as usize).min(MANY)].to_vec())
    }

    /// Returns the value of an attribute.
    pub(super) fn attribute(
        &self,
        session: Session,
        object: sys::CK_OBJECT_HANDLE,
        name: sys::CK_ATTRIBUTE_TYPE,
    ) -> Result<Vec<u8>, Error> {
        let mut value = vec![0_u8; 1024];
        let mut attribute = sys::CK_ATTRIBUTE {
            type_: name,
            pValue: value.as_mut_ptr().cast(),
            ulValueLen: value.len() as sys::CK_ULONG,
        };
        call!(self.C_GetAttributeValue(session, object, &raw mut attribute, 1))?;
        value.truncate(attribute.ulValueLen as usize);
        Ok(value)
    }

    /// Signs, and returns how long the signature is.
    pub(super) fn sign(
        &self,
        session: Session,
        deed: Deed,
        data: &[u8],
        room: &mut [u8],
    ) -> Result<usize, Error> {
        let mut mechanism =
            sys::CK_MECHANISM { mechanism: deed.mechanism, pParameter: null_mut(), ulParameterLen: 0 };
        call!(self.C_SignInit(session, &raw mut mechanism, deed.key))?;
        let mut length = room.len() as sys::CK_ULONG;
        // It is read only, whatever the type of the pointer says.
        let (data, data_length) = (data.as_ptr().cast_mut(), data.len() as sys::CK_ULONG);
        if deed.asks {
            let mut needed = 0;
            call!(self.C_Sign(session, data, data_length, null_mut(), &raw mut needed))?;
            length = length.min(needed);
        }
        call!(self.C_Sign(session, data, data_length, room.as_mut_ptr(), &raw mut length))?;
        Ok((length as usize).min(room.len()))
    }
}

/// More slots or keys than there are here.
const MANY: usize = 16;
