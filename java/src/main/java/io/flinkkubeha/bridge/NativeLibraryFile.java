/*
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 * You may obtain a copy of the License at
 *
 *     http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */

package io.flinkkubeha.bridge;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

import static org.apache.flink.util.Preconditions.checkNotNull;

/** The library of one platform as it lies in the jar, and its way onto the disk and off again. */
final class NativeLibraryFile {

    private static final Logger LOG = LoggerFactory.getLogger(NativeLibraryFile.class);

    private final String resource;
    private final String fileName;
    private final String sha256;

    NativeLibraryFile(String resource, String fileName, String sha256) {
        this.resource = checkNotNull(resource);
        this.fileName = checkNotNull(fileName);
        this.sha256 = checkNotNull(sha256);
    }

    /** Loads the library from a private directory that is gone afterwards. */
    void load(Path tmpdir) throws NativeLibraryException {
        Path directory = null;
        Path file = null;
        try {
            directory =
                    Files.createTempDirectory(
                            tmpdir,
                            "flink-kube-ha-",
                            PosixFilePermissions.asFileAttribute(
                                    PosixFilePermissions.fromString("rwx------")));
            file = directory.resolve(fileName);
            extract(file);
            System.load(file.toString());
        } catch (IOException | UnsupportedOperationException e) {
            throw NativeLibraryException.fault(
                    String.format(
                            "The native library cannot be unpacked below %s (%s): set -D%s to a directory that is writable.",
                            tmpdir, e, NativeLibrary.TMPDIR_PROPERTY),
                    e);
        } catch (UnsatisfiedLinkError e) {
            throw LinkFailure.explain(file, e);
        } finally {
            // The mapping outlives the name.
            delete(file);
            delete(directory);
        }
    }

    private void extract(Path file) throws IOException, NativeLibraryException {
        final MessageDigest digest = sha256();
        try (InputStream in = NativeLibraryFile.class.getResourceAsStream(resource)) {
            if (in == null) {
                throw damaged("it is missing");
            }
            try (OutputStream out = Files.newOutputStream(file)) {
                final byte[] buffer = new byte[1 << 16];
                for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                    digest.update(buffer, 0, n);
                    out.write(buffer, 0, n);
                }
            }
        }
        final String found = hex(digest.digest());
        if (!found.equals(sha256)) {
            throw damaged("its SHA-256 is " + found + " instead of " + sha256);
        }
    }

    private NativeLibraryException damaged(String how) {
        return NativeLibraryException.fault(
                String.format(
                        "The jar of flink-kube-ha is damaged at %s, %s: copy it into lib/ again.",
                        resource, how),
                null);
    }

    private static void delete(Path path) {
        if (path != null) {
            try {
                Files.deleteIfExists(path);
            } catch (IOException e) {
                LOG.warn("Could not delete {}, which is no longer needed.", path, e);
            }
        }
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every Java platform has SHA-256.", e);
        }
    }

    private static String hex(byte[] bytes) {
        final StringBuilder text = new StringBuilder(2 * bytes.length);
        for (byte b : bytes) {
            text.append(String.format("%02x", b));
        }
        return text.toString();
    }
}
