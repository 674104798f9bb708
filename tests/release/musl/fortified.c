/* What zlib, as Debian builds it for glibc, asks of the C library, and musl does not have. */
#include <stdarg.h>
#include <stddef.h>

int vsnprintf(char *text, size_t size, const char *format, va_list values);

int __vsnprintf_chk(char *text, size_t size, int flag, size_t known, const char *format, va_list values) {
    return vsnprintf(text, size, format, values);
}

int __snprintf_chk(char *text, size_t size, int flag, size_t known, const char *format, ...) {
    va_list values;
    va_start(values, format);
    int written = vsnprintf(text, size, format, values);
    va_end(values);
    return written;
}
