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

package io.flinkkubeha.storage;

import org.apache.flink.core.fs.FSDataInputStream;
import org.apache.flink.core.fs.FSDataOutputStream;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.Path;

import io.flinkkubeha.config.HaOptions;

import java.io.File;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;

/**
 * {@link HaStorage} served by Flink's own {@link FileSystem}.
 *
 * <p>File systems are looked up at each use, not before: one whose plug-in is absent must not keep
 * a process from starting that never needs it.
 */
final class FlinkFileSystemHaStorage implements HaStorage {

    @Override
    public void create(String location, byte[] content) throws IOException {
        final Path path = path(location);
        final FileSystem fileSystem = path.getFileSystem();
        final FSDataOutputStream opened;
        try {
            opened = fileSystem.create(path, FileSystem.WriteMode.NO_OVERWRITE);
        } catch (IOException e) {
            if (!(e instanceof FileAlreadyExistsException) && fileSystem.exists(path)) {
                final IOException present = new FileAlreadyExistsException(location);
                present.initCause(e);
                throw present;
            }
            throw e;
        }
        boolean written = false;
        try (FSDataOutputStream out = opened) {
            out.write(content);
            written = true;
        } finally {
            if (!written) {
                deleteQuietly(fileSystem, path);
            }
        }
    }

    @Override
    public byte[] read(String location) throws IOException {
        final Path path = path(location);
        try (FSDataInputStream in = path.getFileSystem().open(path)) {
            return in.readAllBytes();
        }
    }

    @Override
    public void delete(String location) throws IOException {
        delete(location, false);
    }

    @Override
    public void deleteAll(String location) throws IOException {
        delete(location, true);
    }

    /** As in Flink's state handles, a failure counts only if the file is still there. */
    private static void delete(String location, boolean recursive) throws IOException {
        final Path path = path(location);
        final FileSystem fileSystem = path.getFileSystem();
        IOException failure = null;
        try {
            if (fileSystem.delete(path, recursive)) {
                return;
            }
        } catch (IOException e) {
            failure = e;
        }
        if (fileSystem.exists(path)) {
            throw new IOException(location + " cannot be deleted.", failure);
        }
    }

    /** File systems refuse to delete a directory that is not empty. */
    @Override
    public void deleteEmptyDirectory(String location) throws IOException {
        final Path path = path(location);
        deleteQuietly(path.getFileSystem(), path);
    }

    @Override
    public boolean exists(String location) throws IOException {
        final Path path = path(location);
        return path.getFileSystem().exists(path);
    }

    @Override
    public List<String> list(String location) throws IOException {
        final Path path = path(location);
        final List<String> names = new ArrayList<>();
        final FileStatus[] found;
        try {
            found = path.getFileSystem().listStatus(path);
        } catch (FileNotFoundException e) {
            return names;
        }
        if (found != null) {
            for (FileStatus status : found) {
                if (!status.isDir()) {
                    names.add(status.getPath().getName());
                }
            }
        }
        return names;
    }

    @Override
    public void rename(String from, String to) throws IOException {
        final Path source = path(from);
        if (!source.getFileSystem().rename(source, path(to))) {
            throw new IOException(from + " cannot be renamed to " + to + ".");
        }
    }

    @Override
    public void upload(File file, String location) throws IOException {
        final Path path = path(location);
        try (FSDataOutputStream out =
                path.getFileSystem().create(path, FileSystem.WriteMode.OVERWRITE)) {
            Files.copy(file.toPath(), out);
            out.sync();
        }
    }

    @Override
    public void download(String location, File file) throws IOException {
        final Path path = path(location);
        try (FSDataInputStream in = path.getFileSystem().open(path)) {
            Files.copy(in, file.toPath(), StandardCopyOption.REPLACE_EXISTING);
        }
    }

    @Override
    public void ensureDirectory(String location) throws IOException {
        final Path path = path(location);
        path.getFileSystem().mkdirs(path);
    }

    @Override
    public void probe(String location) throws IOException {
        final Path directory = path(location);
        try {
            ensureDirectory(location);
            probeWith(new Path(directory, ".probe-" + UUID.randomUUID()));
        } catch (IOException | RuntimeException e) {
            throw new IOException(
                    String.format(
                            "%s: '%s' is not writable (%s), give the user that runs Flink access to it or name another directory.",
                            HaOptions.STORAGE_DIR.key(), directory, e),
                    e);
        }
    }

    private void probeWith(Path probe) throws IOException {
        final String location = probe.toUri().toString();
        final byte[] content = probe.getName().getBytes(StandardCharsets.UTF_8);
        create(location, content);
        try {
            if (!Arrays.equals(content, read(location))) {
                throw new IOException(probe + " does not read as it was written");
            }
        } finally {
            delete(location);
        }
    }

    /** Flink's file systems outlive us. */
    @Override
    public void close() {}

    /** Not {@code new Path(String)}, which would escape what is escaped already. */
    private static Path path(String location) {
        return new Path(URI.create(location));
    }

    private static void deleteQuietly(FileSystem fileSystem, Path path) {
        try {
            fileSystem.delete(path, false);
        } catch (IOException ignored) {
            // Nothing depends on it.
        }
    }
}
