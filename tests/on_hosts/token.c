/*
 * A FIDO token in software: a double of the token only, for ssh(1)'s SecurityKeyProvider.
 *
 * It speaks version 10 of the interface that OpenSSH names in its sk-api.h (PROTOCOL.u2f tells
 * what is signed). A key's handle is its private half, so nothing is kept anywhere; somebody
 * touches it all the time. Good for tests and for nothing else.
 *
 *   cc -shared -fPIC -o token.so token.c -lcrypto
 */

#define OPENSSL_API_COMPAT 0x10100000L /* the calls of OpenSSL 1.1 for keys of curves */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/obj_mac.h>
#include <openssl/sha.h>

enum { VERSION = 0x000a0000, ECDSA = 0, TOUCHED = 1 };
enum { FAILED = -1, UNSUPPORTED = -2 };
enum { SCALAR = 32, POINT = 65 };

struct sk_option;

struct sk_enroll_response {
    uint8_t flags;
    uint8_t *public_key;
    size_t public_key_len;
    uint8_t *key_handle;
    size_t key_handle_len;
    uint8_t *signature;
    size_t signature_len;
    uint8_t *attestation_cert;
    size_t attestation_cert_len;
    uint8_t *authdata;
    size_t authdata_len;
};

struct sk_sign_response {
    uint8_t flags;
    uint32_t counter;
    uint8_t *sig_r;
    size_t sig_r_len;
    uint8_t *sig_s;
    size_t sig_s_len;
};

struct sk_resident_key;

uint32_t sk_api_version(void)
{
    return VERSION;
}

int sk_load_resident_keys(const char *pin, struct sk_option **options,
                          struct sk_resident_key ***keys, size_t *count)
{
    (void)pin, (void)options, (void)keys, (void)count;
    return UNSUPPORTED;
}

/* Each of these is freed by whoever has asked. */
int sk_enroll(uint32_t alg, const uint8_t *challenge, size_t challenge_len,
              const char *application, uint8_t flags, const char *pin,
              struct sk_option **options, struct sk_enroll_response **answer)
{
    (void)challenge, (void)challenge_len, (void)application, (void)pin, (void)options;
    if (alg != ECDSA)
        return UNSUPPORTED;
    EC_KEY *key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    struct sk_enroll_response *made = calloc(1, sizeof *made);
    int status = FAILED;
    if (key == NULL || made == NULL || EC_KEY_generate_key(key) != 1)
        goto out;
    made->flags = flags;
    made->public_key = malloc(POINT);
    made->key_handle = malloc(SCALAR);
    made->signature = calloc(1, 1);
    if (made->public_key == NULL || made->key_handle == NULL || made->signature == NULL)
        goto out;
    made->public_key_len = EC_POINT_point2oct(
        EC_KEY_get0_group(key), EC_KEY_get0_public_key(key), POINT_CONVERSION_UNCOMPRESSED,
        made->public_key, POINT, NULL);
    made->key_handle_len = SCALAR;
    if (made->public_key_len != POINT
        || BN_bn2binpad(EC_KEY_get0_private_key(key), made->key_handle, SCALAR) != SCALAR)
        goto out;
    *answer = made;
    status = 0;
out:
    EC_KEY_free(key);
    if (status != 0 && made != NULL) {
        free(made->public_key);
        free(made->key_handle);
        free(made->signature);
        free(made);
    }
    return status;
}

/* What a token signs: whom for, that it was touched, how often it has signed, and the message. */
static void digest_of(const char *application, uint8_t flags, uint32_t counter,
                      const uint8_t *message, size_t length, uint8_t digest[SHA256_DIGEST_LENGTH])
{
    uint8_t text[SHA256_DIGEST_LENGTH + 5 + SHA256_DIGEST_LENGTH];
    uint8_t *at = text + SHA256_DIGEST_LENGTH;
    SHA256((const uint8_t *)application, strlen(application), text);
    at[0] = flags;
    for (int i = 0; i < 4; i++)
        at[1 + i] = (uint8_t)(counter >> (24 - 8 * i));
    SHA256(message, length, at + 5);
    SHA256(text, sizeof text, digest);
}

static int number(const BIGNUM *from, uint8_t **bytes, size_t *length)
{
    *length = (size_t)BN_num_bytes(from);
    *bytes = malloc(*length);
    return *bytes != NULL && BN_bn2bin(from, *bytes) == (int)*length;
}

int sk_sign(uint32_t alg, const uint8_t *data, size_t data_len, const char *application,
            const uint8_t *handle, size_t handle_len, uint8_t flags, const char *pin,
            struct sk_option **options, struct sk_sign_response **answer)
{
    (void)pin, (void)options;
    if (alg != ECDSA)
        return UNSUPPORTED;
    EC_KEY *key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    BIGNUM *secret = BN_bin2bn(handle, (int)handle_len, NULL);
    struct sk_sign_response *made = calloc(1, sizeof *made);
    ECDSA_SIG *signature = NULL;
    uint8_t digest[SHA256_DIGEST_LENGTH];
    int status = FAILED;
    if (key == NULL || secret == NULL || made == NULL || handle_len != SCALAR
        || EC_KEY_set_private_key(key, secret) != 1)
        goto out;
    made->flags = flags & TOUCHED;
    made->counter = 1;
    digest_of(application, made->flags, made->counter, data, data_len, digest);
    signature = ECDSA_do_sign(digest, sizeof digest, key);
    if (signature == NULL || !number(ECDSA_SIG_get0_r(signature), &made->sig_r, &made->sig_r_len)
        || !number(ECDSA_SIG_get0_s(signature), &made->sig_s, &made->sig_s_len))
        goto out;
    *answer = made;
    status = 0;
out:
    ECDSA_SIG_free(signature);
    BN_clear_free(secret);
    EC_KEY_free(key);
    if (status != 0 && made != NULL) {
        free(made->sig_r);
        free(made->sig_s);
        free(made);
    }
    return status;
}
