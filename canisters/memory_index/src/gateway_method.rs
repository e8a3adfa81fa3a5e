//! How the methods for gateways are declared. Each answer has a second value: whether the index
//! knows its caller.
//!
//! `Unauthorized` alone could mean the gateway, or the person for whom it asks. A gateway of
//! release 0.1.0 ignores the second value, as Candid ignores any further one.

use candid::{CandidType, Empty, encode_args};
use capsule_shared::Result;

/// Encodes an answer. An error leaves out the type of the value that isn't there, which is longer
/// than the error itself: `empty` is a subtype of every type.
pub fn encode<T: CandidType>((result, known): (Result<T>, bool)) -> Vec<u8> {
    let bytes = match result {
        Ok(value) => encode_args((Ok(value) as Result<T>, known)),
        Err(error) => encode_args((Err(error) as Result<Empty>, known)),
    };
    bytes.expect("BUG: Candid can't write an answer")
}

/// Declares a method for the callers that `CHECK` lets pass:
///
/// ```text
/// gateway_method!(KIND for CHECK: fn name(…) -> Result<T> { … })
/// gateway_method!(update for CHECK: async fn name(…) -> Result<T> { … })
/// gateway_method!(update for CHECK with ROOM: fn name(…) -> Result<T> { … })
/// ```
///
/// The answer is `(Result<T>, bool)`. `ROOM` is an async function that makes room for what the
/// method stores. The rest is as in `method!`. An async method checks its caller after it awaited.
macro_rules! gateway_method {
    (
        $kind:ident for $check:ident:
        fn $name:ident($($arg:ident: $type:ty),* $(,)?) -> $result:ty $body:block
    ) => {
        #[ic_cdk::$kind(
            hidden = true,
            encode_with = "crate::gateway_method::encode"
        )]
        fn $name() -> ($result, bool) {
            #[candid::candid_method($kind)]
            fn $name($($arg: $type),*) -> ($result, bool) {
                fn method($($arg: $type),*) -> $result $body
                (method($($arg),*), true)
            }
            if let Err(refused) = $check(ic_cdk::api::msg_caller()) {
                return (Err(refused), false);
            }
            match canister_common::args::decode(&canister_common::args::message()) {
                Ok(($($arg,)*)) => $name($($arg),*),
                Err(error) => (Err(error), true),
            }
        }
    };
    (
        update for $check:ident:
        async fn $name:ident($($arg:ident: $type:ty),* $(,)?) -> $result:ty $body:block
    ) => {
        #[ic_cdk::update(
            hidden = true,
            encode_with = "crate::gateway_method::encode"
        )]
        async fn $name() -> ($result, bool) {
            #[candid::candid_method(update)]
            async fn $name($($arg: $type),*) -> ($result, bool) {
                async fn method($($arg: $type),*) -> $result $body
                let result = method($($arg),*).await;
                (result, $check(ic_cdk::api::msg_caller()).is_ok())
            }
            if let Err(refused) = $check(ic_cdk::api::msg_caller()) {
                return (Err(refused), false);
            }
            match canister_common::args::decode(&canister_common::args::message()) {
                Ok(($($arg,)*)) => $name($($arg),*).await,
                Err(error) => (Err(error), true),
            }
        }
    };
    (
        update for $check:ident with $room:ident:
        fn $name:ident($($arg:ident: $type:ty),* $(,)?) -> $result:ty $body:block
    ) => {
        gateway_method!(update for $check: async fn $name($($arg: $type),*) -> $result {
            $room().await?;
            // An operator may have unregistered the caller during this await.
            $check(ic_cdk::api::msg_caller())?;
            $body
        });
    };
}
pub(crate) use gateway_method;

#[cfg(test)]
mod tests {
    use super::*;
    use candid::{decode_args, decode_one};
    use capsule_shared::Error;
    use capsule_shared::memory_index::Memory;

    /// As a gateway reads it.
    type Answer<T> = (Result<T>, Option<bool>);

    #[test]
    fn an_error_is_read_as_the_answer_of_its_method() {
        let refused: Result<Memory> = Err(Error::invalid("who"));
        let bytes = encode((refused.clone(), true));
        assert_eq!(
            decode_args::<Answer<Memory>>(&bytes).unwrap(),
            (refused.clone(), Some(true))
        );
        // A gateway of release 0.1.0 knows no second value.
        assert_eq!(decode_one::<Result<Memory>>(&bytes).unwrap(), refused);
        let whole = encode_args((refused, true)).unwrap();
        assert!(bytes.len() * 5 < whole.len(), "{} bytes", bytes.len());
    }

    #[test]
    fn a_value_is_read_as_it_is() {
        let told: Result<Vec<u64>> = Ok(vec![1, 2]);
        let bytes = encode((told.clone(), false));
        assert_eq!(
            decode_args::<Answer<Vec<u64>>>(&bytes).unwrap(),
            (told, Some(false))
        );
    }
}
